package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import io.lockstep.protocol.model.StandbyOrder;
import io.lockstep.protocol.model.WarmStatus;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * For which job a spare keeps a warm pool (ADR 0017). A spare belongs to one job, so a node never
 * has more than one. What a node says that it keeps is compared with what it should keep: nothing
 * is remembered here, and nothing lost matters.
 */
public final class Standbys {
  /** Where the steps of an attempt cannot be read: as long as the agents themselves wait. */
  static final Duration WITHOUT_STEPS = Duration.ofSeconds(15);

  private Standbys() {}

  /**
   * What to tell this node; empty when what it keeps is right, or is its own affair.
   *
   * @param said what it keeps
   */
  public static Optional<ClusterAction.StandBy> order(
      ClusterState state, NodeId node, Optional<WarmStatus> said, Instant now) {
    Optional<Job> ofSpare = spareOf(state, node);
    if (ofSpare.isEmpty() && said.isEmpty()) {
      return Optional.empty();
    }
    if (state.jobs().values().stream().anyMatch(job -> takesPart(job, node))) {
      return Optional.empty(); // its group's pool is the agent's to keep
    }
    Optional<Job> kept = said.flatMap(pool -> state.job(pool.job()));
    if (ofSpare.isPresent()) {
      return wanted(ofSpare.get(), node, said, now);
    }
    // Of a job that is placed again in a moment, maybe here: the agent has a limit of its own.
    return kept.filter(job -> job.current().isEmpty() && !job.phase().isTerminal()).isPresent()
            && said.flatMap(WarmStatus::standsBy).isEmpty()
        ? Optional.empty()
        : none(
            node, said, "it is no spare of %s".formatted(said.map(WarmStatus::job).orElseThrow()));
  }

  /**
   * Tells the gang that its start is over, as far as a step can be read: the output of rank 0 says
   * it, and the other nodes cannot see it. Their next pool is loaded after that (ADR 0021). Said at
   * the steps that are noted, ever further apart; a lost one costs only a later pool.
   */
  static List<ClusterAction.StandBy> ofGang(Job job, long step) {
    StandbyOrder order = order(job);
    Reason why =
        Reason.of(
            ReasonCode.STANDING_BY, "%s is at step %d: its start is over", order.fence(), step);
    return job.current().orElseThrow().table().nodes().stream()
        .map(node -> new ClusterAction.StandBy(node, Optional.of(order), why))
        .toList();
  }

  private static StandbyOrder order(Job job) {
    AttemptState attempt = job.current().orElseThrow();
    return new StandbyOrder(
        attempt.fence(),
        job.spec(),
        attempt.table().procsPerNode(),
        job.spec().zero().flatMap(z -> z.json()));
  }

  private static Optional<Job> spareOf(ClusterState state, NodeId node) {
    return state.jobs().values().stream()
        .filter(job -> !job.phase().isTerminal() && job.spares().contains(node))
        .findFirst();
  }

  private static boolean takesPart(Job job, NodeId node) {
    return job.current().filter(a -> a.table().contains(node)).isPresent()
        || !job.openOn(node).isEmpty();
  }

  /** Not before the attempt is past its first steps; what is there already may stay meanwhile. */
  private static Optional<ClusterAction.StandBy> wanted(
      Job job, NodeId node, Optional<WarmStatus> said, Instant now) {
    JobId id = job.id();
    Optional<Fence> standsBy = said.flatMap(WarmStatus::standsBy);
    if (job.phase() != JobPhase.RUNNING || !isPastFirstSteps(job, now)) {
      return said.filter(pool -> !pool.job().equals(id)).isPresent()
          ? none(node, said, "it is a spare of %s now".formatted(id))
          : Optional.empty();
    }
    AttemptState attempt = job.current().orElseThrow();
    if (standsBy.equals(Optional.of(attempt.fence()))) {
      return Optional.empty();
    }
    return Optional.of(
        new ClusterAction.StandBy(
            node,
            Optional.of(order(job)),
            Reason.of(
                ReasonCode.STANDING_BY,
                "%s is a spare of %s, whose attempt %s trains",
                node,
                id,
                attempt.fence().attempt())));
  }

  private static boolean isPastFirstSteps(Job job, Instant now) {
    boolean stepped = job.lastAttempt().flatMap(AttemptRecord::firstStepAt).isPresent();
    Instant since = job.current().orElseThrow().since();
    return stepped || !since.plus(WITHOUT_STEPS).isAfter(now);
  }

  private static Optional<ClusterAction.StandBy> none(
      NodeId node, Optional<WarmStatus> said, String why) {
    return said.map(
        pool ->
            new ClusterAction.StandBy(
                node,
                Optional.empty(),
                Reason.of(ReasonCode.STANDING_BY, "%s keeps no warm pool: %s", node, why)));
  }
}
