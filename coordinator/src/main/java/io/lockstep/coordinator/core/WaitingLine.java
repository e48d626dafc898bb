package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Instant;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The order in which queued jobs are placed: restarts, then by priority, then first come. A job
 * that waits keeps every node that it could use, so a job behind it may pass only on nodes that are
 * of no use to it: it is never delayed by one that passes.
 */
final class WaitingLine {
  private final Map<NodeId, JobId> kept = new LinkedHashMap<>();

  static List<JobId> order(ClusterState state) {
    return state.jobs().values().stream()
        .filter(j -> j.phase() == JobPhase.QUEUED)
        .sorted(
            Comparator.comparing((Job j) -> j.attemptsMade() == 0)
                .thenComparing(j -> -j.spec().priority()))
        .map(Job::id)
        .toList();
  }

  /** What this job could use is not given to those behind it, unless it fits on no fleet at all. */
  void waits(ClusterState state, Job job) {
    if (GangPlanner.couldFitSomeday(state, job)) {
      GangPlanner.usable(state, job).forEach(node -> kept.putIfAbsent(node, job.id()));
    }
  }

  /** Nodes that this job may not take, and for whom; a restart takes what it can. */
  Map<NodeId, JobId> keptFrom(Job job) {
    return job.attemptsMade() == 0 ? kept : Map.of();
  }

  /** Each node, and why this queued job is not placed on it. */
  static List<NodeVerdict> explain(ClusterState state, Job job, Instant now) {
    return GangPlanner.verdicts(state, job, now, aheadOf(job, state, now).keptFrom(job));
  }

  /** What would be decided, were this job queued now. */
  static Preview preview(ClusterState now, JobId id, JobSpec spec, Instant at) {
    Reason queued = Reason.of(ReasonCode.QUEUED, "%s is looked at", id);
    ClusterState state = now.evolve(new ClusterEvent.JobQueued(id, spec, at, queued));
    Job job = state.job(id).orElseThrow();
    Map<NodeId, JobId> kept = aheadOf(job, state, at).keptFrom(job);
    GangPlanner.Placement placement = GangPlanner.place(state, job, at, kept);
    if (placement instanceof GangPlanner.Placement.Placed placed) {
      Reason reason = Reason.of(ReasonCode.QUEUED, "would be placed now");
      return new Preview(Optional.of(placed.table()), placed.spares(), reason, List.of());
    }
    Reason reason = ((GangPlanner.Placement.Unplaceable) placement).reason();
    return new Preview(
        Optional.empty(), List.of(), reason, GangPlanner.verdicts(state, job, at, kept));
  }

  private static WaitingLine aheadOf(Job job, ClusterState state, Instant now) {
    var line = new WaitingLine();
    for (JobId id : order(state)) {
      if (id.equals(job.id())) {
        break;
      }
      state
          .job(id)
          .filter(ahead -> !ahead.held() && !ahead.isInBackoff(now))
          .ifPresent(ahead -> line.waits(state, ahead));
    }
    return line;
  }
}
