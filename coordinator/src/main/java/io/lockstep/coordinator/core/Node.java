package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.NodeInventory;
import io.lockstep.protocol.model.Reason;

/**
 * One registered host.
 *
 * @param disk id of the agent's memory when it last said Hello
 * @param draining an operator took it out of placement
 * @param lost not heard for too long
 * @param reason why it is as it is
 */
public record Node(
    NodeId id,
    String disk,
    NodeInventory inventory,
    boolean draining,
    boolean lost,
    Reason reason) {

  /** May be given to a gang. */
  boolean isPlaceable() {
    return !draining && !lost;
  }

  public NodeHealth health() {
    if (lost) {
      return NodeHealth.LOST;
    }
    return draining ? NodeHealth.DRAINING : NodeHealth.READY;
  }

  Node withDraining(boolean changed, Reason why) {
    return new Node(id, disk, inventory, changed, lost, why);
  }

  Node withLost(boolean changed, Reason why) {
    return new Node(id, disk, inventory, draining, changed, why);
  }
}
