package io.lockstep.deploy;

import io.lockstep.agent.process.DaemonThreads;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A daemon inside another program, made of what lockstepd is made of. */
public final class EmbeddedDaemon implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(EmbeddedDaemon.class);
  private static final Duration STOP_LIMIT = Duration.ofSeconds(25);

  private final OwnSeat seat;
  private final OwnAgent agent;
  private final ClusterRuntime runtime;
  private final Thread thread;
  private volatile Optional<String> failure = Optional.empty();

  private EmbeddedDaemon(DaemonSettings settings, OwnSeat seat, OwnAgent agent) {
    this.seat = seat;
    this.agent = agent;
    this.runtime = new ClusterRuntime(settings, agent, seat);
    this.thread = DaemonThreads.of(this::run, "lockstep-embedded");
  }

  /**
   * Starts it; its ports are bound soon after. Blocks until the agent is open.
   *
   * @param nodeRank rank that this host asks for, or -1
   * @param workerEnv environment that workers of this host inherit
   */
  public static EmbeddedDaemon start(
      DaemonSettings settings, int nodeRank, Map<String, String> workerEnv)
      throws IOException, InterruptedException {
    OwnSeat seat = OwnSeat.open(settings);
    OwnAgent agent = OwnAgent.open(settings.agent().inForeground(nodeRank), workerEnv);
    var daemon = new EmbeddedDaemon(settings, seat, agent);
    daemon.thread.start();
    try {
      agent.await();
      return daemon;
    } catch (IOException | InterruptedException e) {
      daemon.close();
      throw e;
    }
  }

  /** What this was built as. */
  public static String version() {
    return Version.current();
  }

  /** Why it ended by itself; empty while it runs. */
  public Optional<String> failure() {
    return failure;
  }

  /** Ends every group of this host at once; blocks; names what would not end. */
  public List<String> endGroups(Duration limit) throws InterruptedException {
    return agent.host().endGroups(limit);
  }

  /** True while processes of this host's groups live. */
  public boolean hasGroups() {
    return agent.host().hasGroups();
  }

  /** Leaves the cluster; groups are not touched. */
  @Override
  public void close() throws IOException {
    runtime.stop();
    try {
      thread.join(STOP_LIMIT.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    agent.close();
    seat.close();
  }

  private void run() {
    try {
      runtime.run();
    } catch (IOException e) {
      LOG.error("the daemon cannot run: {}", e.getMessage());
      failure = Optional.of(String.valueOf(e.getMessage()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
