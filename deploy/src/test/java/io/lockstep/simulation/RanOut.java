package io.lockstep.simulation;

import io.lockstep.coordinator.core.ClusterEvent;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.NodeId;
import java.util.HashSet;
import java.util.Set;

/**
 * A group that counts as gone because its lease has run out has been killed: what it may still have
 * are processes that are stuck in the kernel, which nothing can end (authority.md, "left over").
 */
final class RanOut implements Invariant {
  private final Simulation sim;
  private final Set<Group> groups = new HashSet<>();

  private record Group(NodeId node, Fence fence) {}

  RanOut(Simulation sim) {
    this.sim = sim;
  }

  @Override
  public void happened(ClusterState before, ClusterEvent event, ClusterState after) {
    if (event instanceof ClusterEvent.GroupGone gone
        && gone.reason().message().endsWith("its lease has run out")) {
      groups.add(new Group(gone.on(), gone.fence()));
      worldChanged();
    }
  }

  @Override
  public void worldChanged() {
    for (SimGroup group : sim.livingGroups()) {
      require(
          !groups.contains(of(group)) || !mayTrain(group),
          "%s on %s is %s, and counts as gone",
          group.fence(),
          group.host.id,
          group.phase());
    }
  }

  /** It is on its way out, or waits for a lease that it will not get. */
  boolean exempts(SimGroup group) {
    return groups.contains(of(group)) && !mayTrain(group);
  }

  private static boolean mayTrain(SimGroup group) {
    return switch (group.phase()) {
      case JOINING, WAITING_FOR_PEERS, TRAINING -> true;
      case LAUNCHING, LEASING, ENDING, GONE -> false;
    };
  }

  private static Group of(SimGroup group) {
    return new Group(group.host.id, group.fence());
  }
}
