package io.lockstep.coordinator.plan;

import io.lockstep.coordinator.core.Job;
import io.lockstep.coordinator.core.JobPhase;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.JobSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What will happen to a job on each kind of failure: asked of the machine that will decide it, on
 * imagined nodes. Seconds are the machine's own, from the failure to the order to start again; the
 * start itself (imports, loading) comes on top.
 */
public final class FailureRehearsal {
  private static final Duration MOST = Duration.ofMinutes(5);

  /** Failures in a row that are tried; a larger budget is told as not spent by then. */
  private static final int MAX_FAILURES = 20;

  /** Nodes that stand for a larger gang. */
  private static final int MAX_NODES = 16;

  /**
   * One kind of failure.
   *
   * @param millis until all nodes are told to start again; empty when they are not within minutes
   * @param counted restarts that count against the budget
   * @param stepsLost half of what lies between two checkpoints; empty when nothing is lost, or
   *     everything is
   * @param mostStepsLost all that lies between two checkpoints
   */
  public record Outcome(
      String failure,
      String phase,
      String reason,
      OptionalLong millis,
      int counted,
      boolean restarted,
      OptionalLong stepsLost,
      OptionalLong mostStepsLost) {}

  private final JobSpec spec;
  private final int gpus;
  private final long saveEvery;

  private FailureRehearsal(JobSpec spec, int gpus, long saveEvery) {
    this.spec = spec;
    this.gpus = gpus;
    this.saveEvery = saveEvery;
  }

  /**
   * All kinds, in the order of how often they come.
   *
   * @param saveEvery steps between checkpoints; 0 when none is written before the end
   */
  static List<Outcome> of(JobSpec spec, Hardware hardware, long saveEvery) {
    int gpus = hardware.card().isPresent() ? hardware.procsPerNode() : 0;
    var rehearsal = new FailureRehearsal(placed(spec, hardware), gpus, saveEvery);
    var outcomes = new ArrayList<Outcome>();
    outcomes.add(rehearsal.after("a worker killed", ImaginedCluster::killsAWorker));
    outcomes.add(rehearsal.after("a host lost", cluster -> cluster.losesHosts(1)));
    if (hardware.nodes() > 1) {
      outcomes.add(rehearsal.after("two hosts lost", cluster -> cluster.losesHosts(2)));
    }
    outcomes.add(rehearsal.after("the coordinator lost", ImaginedCluster::losesTheCoordinator));
    outcomes.add(rehearsal.budgetSpent());
    return outcomes;
  }

  /** What fails. */
  private interface Failure {
    void befalls(ImaginedCluster cluster);
  }

  private Outcome after(String name, Failure failure) {
    ImaginedCluster cluster = training();
    Instant begin = cluster.now();
    int attempts = cluster.job().attemptsMade();
    failure.befalls(cluster);
    cluster.waitsForMoreThan(attempts, MOST);
    boolean isRestarted = cluster.job().attemptsMade() > attempts;
    return outcome(name, cluster, begin, isRestarted);
  }

  private Outcome budgetSpent() {
    ImaginedCluster cluster = training();
    Instant begin = cluster.now();
    for (int i = 0; i < MAX_FAILURES && cluster.job().phase() == JobPhase.RUNNING; i++) {
      int attempts = cluster.job().attemptsMade();
      cluster.killsAWorker();
      cluster.waitsForMoreThan(attempts, MOST);
      if (cluster.job().phase() == JobPhase.RUNNING) {
        // a step further each time: it is the budget that is asked about
        cluster.trains(trained() + i + 1, saveEvery);
      }
    }
    return outcome("a worker killed again and again", cluster, begin, true);
  }

  private Outcome outcome(
      String name, ImaginedCluster cluster, Instant begin, boolean isRestarted) {
    Job job = cluster.job();
    boolean isRunning = job.phase() == JobPhase.RUNNING;
    boolean isResumed = isRestarted && isRunning && cluster.resumed().isPresent();
    long from = cluster.resumed().map(CompleteCheckpoint::step).orElse(0L);
    return new Outcome(
        name,
        job.phase().name(),
        isRunning ? "" : job.reason().code() + ": " + job.reason().message(),
        isRunning
            ? OptionalLong.of(Duration.between(begin, cluster.now()).toMillis())
            : OptionalLong.empty(),
        job.counted(),
        isRestarted && isRunning,
        isResumed ? OptionalLong.of(trained() - from) : OptionalLong.empty(),
        isResumed ? OptionalLong.of(saveEvery) : OptionalLong.empty());
  }

  /** In mid-run, half way between two checkpoints where there are any. */
  private ImaginedCluster training() {
    var cluster = new ImaginedCluster(spec, gpus);
    cluster.waitsForMoreThan(0, MOST);
    cluster.trains(trained(), saveEvery);
    return cluster;
  }

  private long trained() {
    return saveEvery > 0 ? saveEvery + (saveEvery + 1) / 2 : 1;
  }

  /** The job as it would be on that hardware, on any nodes. */
  private static JobSpec placed(JobSpec job, Hardware hardware) {
    return new JobSpec(
        job.name(),
        job.script(),
        List.of(), // what a machine does not look at would only fill its state
        job.workdir(),
        Math.min(hardware.nodes(), MAX_NODES),
        hardware.procsPerNode(),
        List.of(),
        Math.min(job.spares(), MAX_NODES),
        job.priority(),
        Optional.empty(),
        job.paths(),
        Map.of(),
        job.checkpoint(),
        job.restart(),
        job.deadlines(),
        job.warm(),
        job.python());
  }
}
