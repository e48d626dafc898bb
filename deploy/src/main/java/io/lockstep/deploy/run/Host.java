package io.lockstep.deploy.run;

import io.lockstep.coordinator.cli.ApiClient;
import io.lockstep.coordinator.cli.ApiRefused;
import io.lockstep.coordinator.cli.ExitCode;
import io.lockstep.coordinator.cli.NoCoordinator;
import io.lockstep.coordinator.core.QuarantinePolicy;
import io.lockstep.deploy.DaemonSettings;
import io.lockstep.deploy.EmbeddedDaemon;
import io.lockstep.deploy.Seat;
import io.lockstep.protocol.api.JobView;
import io.lockstep.protocol.api.NodeView;
import io.lockstep.protocol.model.NodeId;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** What a call has on this host: its daemon, its folder, the API of node rank 0, its voice. */
final class Host {
  static final Duration POLL = Duration.ofMillis(200);

  private static final Duration KILL_LIMIT = Duration.ofSeconds(10);

  /** Health of nodes that the job cannot count on. */
  private static final Set<String> AWAY = Set.of("LOST", "DRAINING");

  private static final int MASTER_PORTS = 100;

  private final RunRequest request;
  private final Map<String, String> env;
  private final RunFolder folder;
  private final Path shim;
  private final ApiClient api;
  private final Talk talk;
  private final Signals signals;
  private final PrintStream out;
  private Optional<JobView> result = Optional.empty();

  Host(
      RunRequest request,
      Map<String, String> env,
      RunFolder folder,
      Path shim,
      Signals signals,
      PrintStream out,
      Talk talk) {
    this.request = request;
    this.env = env;
    this.folder = folder;
    this.shim = shim;
    this.signals = signals;
    this.out = out;
    this.talk = talk;
    this.api = ApiClient.at(List.of(URI.create(request.api())));
  }

  RunRequest request() {
    return request;
  }

  ApiClient api() {
    return api;
  }

  Talk talk() {
    return talk;
  }

  Signals signals() {
    return signals;
  }

  /** Where rank 0's output goes. */
  PrintStream out() {
    return out;
  }

  /** The job at its end; empty when this host did not see it. */
  Optional<JobView> result() {
    return result;
  }

  void keepResult(JobView job) {
    result = Optional.of(job);
  }

  EmbeddedDaemon startDaemon() throws RunRefused, InterruptedException {
    try {
      return EmbeddedDaemon.start(
          settings(), request.nodeRank().orElse(-1), CallerEnvironment.forWorkers(env));
    } catch (IOException e) {
      throw new RunRefused(ExitCode.INFRASTRUCTURE, "the daemon cannot start: " + e.getMessage());
    }
  }

  private DaemonSettings settings() {
    RunPorts ports = request.ports();
    return new DaemonSettings(
        new NodeId(request.host()),
        request.host(),
        Addresses.isLoopback(request.host()),
        List.of(new Seat(request.master(), ports.akka())),
        folder.path(),
        request.python(),
        shim,
        !"false".equals(env.get("LOCKSTEP_WARM")),
        new DaemonSettings.Ports(
            ports.akka(),
            ports.management(),
            ports.http(),
            ports.lease(),
            request.masterPort(),
            request.masterPort() + MASTER_PORTS - 1),
        DaemonSettings.NODE_SILENT_AFTER,
        DaemonSettings.NODE_SUSPECT_AFTER,
        QuarantinePolicy.NEVER, // its hosts are named: nobody else could stand in
        DaemonSettings.Rules.shipped(),
        true,
        EmbeddedDaemon.version());
  }

  /** All nodes; empty while node rank 0 does not answer. */
  Optional<List<NodeView>> nodes() {
    try {
      return Optional.of(api.nodes());
    } catch (NoCoordinator | ApiRefused e) {
      return Optional.empty();
    }
  }

  static boolean isAway(NodeView node) {
    return AWAY.contains(node.health());
  }

  /** Ends every group of this host at once, and says what would not end. */
  void endGroups(EmbeddedDaemon daemon) throws InterruptedException {
    List<String> left = daemon.endGroups(KILL_LIMIT);
    if (!left.isEmpty()) {
      talk.say("these do not end: " + String.join(", ", left));
    }
  }

  void close(EmbeddedDaemon daemon) throws InterruptedException {
    endGroups(daemon);
    try {
      daemon.close();
    } catch (IOException e) {
      talk.say("closing: " + e.getMessage());
    }
  }

  /** Waits a moment. */
  static void pause() throws InterruptedException {
    Thread.sleep(POLL.toMillis());
  }
}
