package io.lockstep.simulation;

import io.lockstep.coordinator.core.ClusterEvent;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.coordinator.core.Forgetting;
import io.lockstep.coordinator.core.Job;
import io.lockstep.protocol.model.NodeId;

/** A gang gets no node that another job holds. */
final class NodeHasOneJob implements Invariant {
  @Override
  public void happened(ClusterState before, ClusterEvent event, ClusterState after) {
    if (event instanceof ClusterEvent.AttemptPlanned plan) {
      for (Job job : before.jobs().values()) {
        for (NodeId node : plan.table().nodes()) {
          require(
              job.id().equals(plan.id()) || !Forgetting.holds(job, node),
              "%s got %s, which %s holds",
              plan.fence(),
              node,
              job.id());
        }
      }
    }
  }
}
