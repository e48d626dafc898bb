package io.lockstep.simulation;

import io.lockstep.agent.core.AgentState;
import io.lockstep.agent.core.WorkerGroup;
import io.lockstep.coordinator.core.ClusterEvent;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.NodeId;
import java.util.HashMap;
import java.util.Map;

/**
 * Attempts of a job, its torchruns, and the plans that one agent's memory serves only grow. A shim
 * of an older attempt may still be made, where a Start came late: no majority grants it a lease.
 */
final class AttemptNeverGoesBack implements Invariant {
  private final Map<JobId, Attempt> planned = new HashMap<>();
  private final Map<JobId, Attempt> forked = new HashMap<>();

  @Override
  public void happened(ClusterState before, ClusterEvent event, ClusterState after) {
    if (event instanceof ClusterEvent.AttemptPlanned plan) {
      require(
          plan.fence().plan() == after.version(),
          "%s was planned at version %d",
          plan.fence(),
          after.version());
      Attempt last = planned.put(plan.id(), plan.fence().attempt());
      require(
          last == null || last.isBefore(plan.fence().attempt()),
          "%s was planned after attempt %s",
          plan.fence(),
          last);
    }
  }

  @Override
  public void torchrunForked(SimGroup group) {
    Attempt now = group.fence().attempt();
    Attempt last = forked.merge(group.fence().job(), now, (a, b) -> a.isBefore(b) ? b : a);
    require(last.equals(now), "%s is forked after attempt %s", group.fence(), last);
  }

  @Override
  public void remembered(NodeId node, AgentState before, AgentState after) {
    require(
        after.plan() >= before.plan() && !after.term().isBefore(before.term()),
        "%s forgets plan %d and term %s for plan %d and term %s",
        node,
        before.plan(),
        before.term(),
        after.plan(),
        after.term());
    long served = before.current().map(WorkerGroup::fence).map(f -> f.plan()).orElse(0L);
    long serves = after.current().map(WorkerGroup::fence).map(f -> f.plan()).orElse(served);
    require(serves >= served, "%s goes from plan %d back to plan %d", node, served, serves);
  }
}
