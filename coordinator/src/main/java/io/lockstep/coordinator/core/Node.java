package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.NodeInventory;
import io.lockstep.protocol.model.Reason;
import java.util.Optional;

/**
 * One registered host.
 *
 * @param disk id of the agent's memory when it last said Hello
 * @param draining an operator took it out of placement
 * @param lost not heard for too long
 * @param suspect its gang failed by the loss of a peer, and it was not heard since
 * @param reason why it is as it is
 * @param trouble why its agent cannot take part in anything new; empty while it can
 */
public record Node(
    NodeId id,
    String disk,
    NodeInventory inventory,
    boolean draining,
    boolean lost,
    boolean suspect,
    Reason reason,
    Optional<Reason> trouble) {

  /** May be given to a gang. */
  boolean isPlaceable() {
    return isLikelyPlaceable() && !suspect && trouble.isEmpty();
  }

  /** May be given to a gang now, or as soon as it is heard again. */
  boolean isLikelyPlaceable() {
    return !draining && !lost;
  }

  public NodeHealth health() {
    if (lost) {
      return NodeHealth.LOST;
    }
    if (draining) {
      return NodeHealth.DRAINING;
    }
    if (trouble.isPresent()) {
      return NodeHealth.TROUBLED;
    }
    return suspect ? NodeHealth.SUSPECT : NodeHealth.READY;
  }

  Node withDraining(boolean changed, Reason why) {
    return new Node(id, disk, inventory, changed, lost, suspect, why, trouble);
  }

  Node asLost(Reason why) {
    return new Node(id, disk, inventory, draining, true, false, why, Optional.empty());
  }

  Node withSuspect(boolean changed, Reason why) {
    return new Node(id, disk, inventory, draining, lost, changed, why, trouble);
  }

  Node withTrouble(Optional<Reason> changed, Reason why) {
    return new Node(id, disk, inventory, draining, lost, suspect, why, changed);
  }
}
