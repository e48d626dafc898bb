package io.lockstep.agent.host;

import io.lockstep.agent.check.SearchPath;
import io.lockstep.agent.process.DaemonThreads;
import io.lockstep.agent.process.HeldCommand;
import io.lockstep.agent.process.NodeFacts;
import io.lockstep.agent.process.ProcessScan;
import io.lockstep.agent.process.TorchrunCommand;
import io.lockstep.protocol.message.AgentQuery;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.PairOutcome;
import io.lockstep.protocol.model.PairOutcome.End;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * This node's part of a pair check ({@code lockstep doctor --pairs}, or the end of a quarantine):
 * one program at a time, never beside a job.
 */
final class HostPairs implements AutoCloseable {
  /** The program ends itself at its limit, and the kernel 2 s later; this is for the rest. */
  private static final Duration KILL_AFTER = AgentQuery.PAIR_LIMIT.plusSeconds(4);

  /** One runs the program, the other finds ports. */
  private static final int THREADS = 2;

  private static final int MAX_WAITING = 8;
  private static final Logger LOG = LoggerFactory.getLogger(HostPairs.class);

  private final AgentSettings settings;
  private final NodeFacts facts;
  private final Map<String, String> daemonEnv;
  private final ProcessScan scan;
  private final AtomicReference<@Nullable Run> running = new AtomicReference<>();
  private final ThreadPoolExecutor threads =
      DaemonThreads.pool("agent-pairs", THREADS, MAX_WAITING);

  /** The program that runs; unwanted once a job comes. */
  private static final class Run {
    private volatile boolean wanted = true;
  }

  HostPairs(
      AgentSettings settings, NodeFacts facts, Map<String, String> daemonEnv, ProcessScan scan) {
    this.settings = settings;
    this.facts = facts;
    this.daemonEnv = daemonEnv;
    this.scan = scan;
  }

  CompletionStage<AgentQuery.OfferedPort> offerPort() {
    var done = new CompletableFuture<AgentQuery.OfferedPort>();
    boolean taken =
        start(() -> done.complete(new AgentQuery.OfferedPort(settings.node(), freePort())));
    if (!taken) {
      done.complete(new AgentQuery.OfferedPort(settings.node(), Optional.empty()));
    }
    return done;
  }

  CompletionStage<AgentQuery.Paired> pair(AgentQuery.Pair ask, Optional<Fence> group) {
    if (group.isPresent()) {
      return CompletableFuture.completedStage(notRun(isHere(group.get())));
    }
    var run = new Run();
    if (!running.compareAndSet(null, run)) {
      return CompletableFuture.completedStage(notRun("another pair check is at work on this node"));
    }
    var done = new CompletableFuture<AgentQuery.Paired>();
    boolean taken =
        start(
            () -> {
              PairOutcome outcome = outcome(ask, run);
              running.set(null);
              LOG.info("node={} doctor={} {}", settings.node(), ask.doctor(), outcome);
              done.complete(new AgentQuery.Paired(settings.node(), outcome));
            });
    if (!taken) {
      running.set(null);
      done.complete(notRun("too much is asked of this node at a time"));
    }
    return done;
  }

  /** A job comes: the program that runs is killed. */
  void giveWay() {
    Run now = running.get();
    if (now != null) {
      now.wanted = false;
    }
  }

  private PairOutcome outcome(AgentQuery.Pair ask, Run run) {
    String python = ask.python().orElse(settings.python());
    try {
      List<ProcessScan.Found> alive = scan.living(fence -> true);
      if (!alive.isEmpty()) {
        return PairOutcome.failed(End.NOT_RUN, isHere(alive.get(0).fence()));
      }
      Map<String, String> env = env();
      return PairOutput.outcome(
          HeldCommand.run(
              argv(SearchPath.resolved(python, env), ask.seat()),
              env,
              KILL_AFTER,
              () -> run.wanted),
          python);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return PairOutcome.failed(End.NOT_RUN, "the daemon is being closed");
    } catch (IOException e) {
      return PairOutcome.withoutTorch("cannot run " + python + ": " + e.getMessage());
    } catch (RuntimeException e) { // whatever it is, the asker is to hear it
      LOG.error("node={} doctor={} a bug in Lockstep", settings.node(), ask.doctor(), e);
      return PairOutcome.failed(End.NOT_RUN, "a bug in Lockstep: " + e + "; see the daemon's log");
    }
  }

  private Map<String, String> env() {
    var env = new TreeMap<>(TorchrunCommand.ofNode(facts, daemonEnv));
    env.remove("CUDA_VISIBLE_DEVICES"); // a job has those that it asks for
    env.put("CUDA_DEVICE_ORDER", "PCI_BUS_ID");
    return env;
  }

  private List<String> argv(String python, AgentQuery.PairSeat seat) {
    var argv =
        new ArrayList<>(
            List.of(
                python,
                settings.shim().resolve("pairs.py").toString(),
                "--rank",
                Integer.toString(seat.rank()),
                "--nodes",
                Integer.toString(seat.nodes()),
                "--address",
                seat.address(),
                "--port",
                Integer.toString(seat.port()),
                "--limit",
                Long.toString(AgentQuery.PAIR_LIMIT.toSeconds())));
    if (facts.hasGpus()) {
      argv.add("--gpu");
    }
    return argv;
  }

  private Optional<Integer> freePort() {
    try {
      return MasterPort.choose(
          settings.address(),
          settings.masterPortLow(),
          settings.masterPortHigh(),
          System.nanoTime() & Integer.MAX_VALUE,
          settings.markerPrefix());
    } catch (IOException e) {
      LOG.warn("node={} no port for a pair check: {}", settings.node(), e.toString());
      return Optional.empty();
    }
  }

  private AgentQuery.Paired notRun(String why) {
    return new AgentQuery.Paired(settings.node(), PairOutcome.failed(End.NOT_RUN, why));
  }

  private static String isHere(Fence group) {
    return "job " + group.job() + " is on this node";
  }

  private boolean start(Runnable work) {
    try {
      threads.execute(work);
      return true;
    } catch (RejectedExecutionException e) {
      return false;
    }
  }

  @Override
  public void close() {
    threads.shutdownNow();
  }
}
