package io.lockstep.simulation;

import io.lockstep.coordinator.core.ClusterEvent;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.protocol.model.FailureCause;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.JobSpec;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;

/**
 * Within its window a job is restarted at most as often as its budget says; operators are free, and
 * one dead host that fails several attempts is one fault.
 */
final class BudgetIsRespected implements Invariant {
  private final Map<JobId, Map<Fence, Instant>> counted = new HashMap<>();

  @Override
  public void happened(ClusterState before, ClusterEvent event, ClusterState after) {
    if (event instanceof ClusterEvent.AttemptFailed failed) {
      FailureCause code = failed.cause().code();
      require(
          failed.counted() ? code.isCounted() : !code.isCounted() || isSilence(code),
          "%s is %scounted",
          failed.cause(),
          failed.counted() ? "" : "not ");
      if (failed.counted()) {
        check(failed, after.job(failed.id()).orElseThrow().spec().restart());
      }
    } else if (event instanceof ClusterEvent.CauseRefined refined
        && !refined.cause().code().isCounted()) {
      counted.getOrDefault(refined.id(), new HashMap<>()).remove(refined.fence());
    }
  }

  private static boolean isSilence(FailureCause code) {
    return code == FailureCause.NODE_SILENT;
  }

  private void check(ClusterEvent.AttemptFailed failed, JobSpec.Restart budget) {
    Map<Fence, Instant> times = counted.computeIfAbsent(failed.id(), j -> new HashMap<>());
    times.put(failed.fence(), failed.at());
    Instant oldest = failed.at().minus(budget.window());
    times.values().removeIf(t -> t.isBefore(oldest));
    require(
        times.size() <= budget.max(),
        "%s: %d restarts within %s, %d are allowed",
        failed.id(),
        times.size(),
        budget.window(),
        budget.max());
  }
}
