package io.lockstep.simulation;

import io.lockstep.coordinator.core.ClusterEvent;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.NodeId;
import java.util.HashSet;
import java.util.Set;

/**
 * The one exemption, until there are leases (authority.md, A14 to A21): a group on a node that was
 * not heard, or whose agent lost its memory, counts as gone after a fixed wait, and may in truth
 * run on behind a cut. With leases it ends itself: then remove this class and its uses.
 */
final class GivenUp implements Invariant {
  private final Set<Group> groups = new HashSet<>();

  private record Group(NodeId node, Fence fence) {}

  @Override
  public void happened(ClusterState before, ClusterEvent event, ClusterState after) {
    if (event instanceof ClusterEvent.GroupGone gone) {
      boolean waitWasOver =
          before.job(gone.id()).stream()
              .flatMap(job -> job.open().stream())
              .filter(g -> g.node().equals(gone.on()) && g.fence().equals(gone.fence()))
              .anyMatch(g -> g.giveUpAt().filter(t -> !gone.at().isBefore(t)).isPresent());
      if (waitWasOver) {
        groups.add(new Group(gone.on(), gone.fence()));
      }
    }
  }

  boolean exempts(SimGroup group) {
    return groups.contains(new Group(group.host.id, group.fence()));
  }
}
