package io.lockstep.simulation;

import io.lockstep.coordinator.core.ClusterEvent;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.coordinator.core.NodeHealth;
import io.lockstep.protocol.model.NodeId;

/** A gang gets no node in quarantine. */
final class QuarantinedNodeIsNotPlaced implements Invariant {
  @Override
  public void happened(ClusterState before, ClusterEvent event, ClusterState after) {
    if (event instanceof ClusterEvent.AttemptPlanned plan) {
      for (NodeId node : plan.table().nodes()) {
        require(
            before.node(node).filter(n -> n.health() == NodeHealth.QUARANTINED).isEmpty(),
            "%s got %s",
            plan.fence(),
            before.node(node));
      }
    }
  }
}
