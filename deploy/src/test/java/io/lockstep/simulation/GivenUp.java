package io.lockstep.simulation;

import io.lockstep.coordinator.core.ClusterEvent;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.coordinator.core.OpenGroup;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.NodeId;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/**
 * The one exemption, until there are leases (authority.md, A14 to A21): a group on a node that was
 * not heard, or whose agent lost its memory, counts as gone after a fixed wait, and may in truth
 * run on behind a cut. With leases it ends itself: then remove this class and its uses.
 */
final class GivenUp implements Invariant {
  private final Set<Group> groups = new HashSet<>();
  private final Set<Group> forgotten = new HashSet<>();

  private record Group(NodeId node, Fence fence) {}

  @Override
  public void happened(ClusterState before, ClusterEvent event, ClusterState after) {
    if (event instanceof ClusterEvent.GroupDoubted doubted && !isLost(before, doubted.on())) {
      forgotten.add(new Group(doubted.on(), doubted.fence()));
    } else if (event instanceof ClusterEvent.GroupGone gone && isGivenUp(before, gone)) {
      var group = new Group(gone.on(), gone.fence());
      require(
          isLost(before, gone.on()) || hasAnotherMemory(before, gone) || forgotten.contains(group),
          "%s, although its node is heard and remembers it",
          group);
      groups.add(group);
    }
  }

  private static boolean isLost(ClusterState state, NodeId node) {
    return state.node(node).filter(n -> !n.lost()).isEmpty();
  }

  private static boolean isGivenUp(ClusterState before, ClusterEvent.GroupGone gone) {
    return openGroup(before, gone)
        .flatMap(OpenGroup::giveUpAt)
        .filter(t -> !gone.at().isBefore(t))
        .isPresent();
  }

  private static boolean hasAnotherMemory(ClusterState before, ClusterEvent.GroupGone gone) {
    return openGroup(before, gone)
        .filter(g -> before.node(g.node()).filter(n -> n.disk().equals(g.disk())).isEmpty())
        .isPresent();
  }

  private static Optional<OpenGroup> openGroup(ClusterState before, ClusterEvent.GroupGone gone) {
    return before.job(gone.id()).stream()
        .flatMap(job -> job.open().stream())
        .filter(g -> g.node().equals(gone.on()) && g.fence().equals(gone.fence()))
        .findFirst();
  }

  boolean exempts(SimGroup group) {
    return groups.contains(new Group(group.host.id, group.fence()));
  }
}
