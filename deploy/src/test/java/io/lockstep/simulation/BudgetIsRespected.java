package io.lockstep.simulation;

import io.lockstep.coordinator.core.AttemptRecord;
import io.lockstep.coordinator.core.AttemptState;
import io.lockstep.coordinator.core.ClusterEvent;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.coordinator.core.Job;
import io.lockstep.protocol.model.FailureCause;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.JobSpec;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Within its window a job is restarted at most as often as its budget says; operators are free. */
final class BudgetIsRespected implements Invariant {
  private final Map<JobId, List<Instant>> counted = new HashMap<>();

  @Override
  public void happened(ClusterState before, ClusterEvent event, ClusterState after) {
    if (event instanceof ClusterEvent.AttemptFailed failed) {
      require(
          failed.counted() == failed.cause().code().isCounted()
              || (!failed.counted() && isTheSameFault(before, failed)),
          "%s is %scounted",
          failed.cause(),
          failed.counted() ? "" : "not ");
      if (failed.counted()) {
        JobSpec.Restart budget = after.job(failed.id()).orElseThrow().spec().restart();
        List<Instant> times = counted.computeIfAbsent(failed.id(), j -> new ArrayList<>());
        times.add(failed.at());
        Instant oldest = failed.at().minus(budget.window());
        times.removeIf(t -> t.isBefore(oldest));
        require(
            times.size() <= budget.max(),
            "%s: %d restarts within %s, %d are allowed",
            failed.id(),
            times.size(),
            budget.window(),
            budget.max());
      }
    }
    if (event instanceof ClusterEvent.CauseRefined refined && !refined.cause().code().isCounted()) {
      before
          .job(refined.id())
          .flatMap(job -> record(job, refined.fence()))
          .flatMap(AttemptRecord::endedAt)
          .ifPresent(at -> counted.getOrDefault(refined.id(), new ArrayList<>()).remove(at));
    }
  }

  /** A second host of a fault that was counted, lost before it was ready for the next attempt. */
  private static boolean isTheSameFault(ClusterState before, ClusterEvent.AttemptFailed failed) {
    Job job = before.job(failed.id()).orElseThrow();
    boolean started = job.current().filter(AttemptState::released).isPresent();
    return !started
        && failed.cause().code() == FailureCause.NODE_SILENT
        && job.attempts().stream()
            .flatMap(a -> a.cause().stream())
            .anyMatch(c -> c.peerLoss() || c.code() == FailureCause.NODE_SILENT);
  }

  private static Optional<AttemptRecord> record(Job job, Fence fence) {
    return job.attempts().stream().filter(a -> a.fence().equals(fence)).findFirst();
  }
}
