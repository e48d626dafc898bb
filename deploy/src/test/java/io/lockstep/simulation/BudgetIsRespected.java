package io.lockstep.simulation;

import io.lockstep.coordinator.core.ClusterEvent;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.JobSpec;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Within its window a job is restarted at most as often as its budget says; operators are free. */
final class BudgetIsRespected implements Invariant {
  private final Map<JobId, List<Instant>> counted = new HashMap<>();

  @Override
  public void happened(ClusterState before, ClusterEvent event, ClusterState after) {
    if (event instanceof ClusterEvent.AttemptFailed failed) {
      require(
          // the other way round is no fault: what follows from one lost node is counted once
          !failed.counted() || failed.cause().code().isCounted(), "%s is counted", failed.cause());
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
  }
}
