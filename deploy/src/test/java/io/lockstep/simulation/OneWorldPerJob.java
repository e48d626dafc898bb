package io.lockstep.simulation;

import io.lockstep.agent.core.StartOrder;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.RankTable;
import java.util.HashMap;
import java.util.Map;

/** All groups of an attempt start with the same ranks, master port and checkpoint. */
final class OneWorldPerJob implements Invariant {
  private final Map<Fence, World> worlds = new HashMap<>();

  private record World(RankTable table, StartOrder order) {}

  @Override
  public void forked(SimGroup group) {
    var world = new World(group.launch.rankTable(), group.order);
    World first = worlds.putIfAbsent(group.fence(), world);
    require(
        first == null || first.equals(world),
        "%s starts on %s with %s and elsewhere with %s",
        group.fence(),
        group.host.id,
        world,
        first);
    require(
        world.table().rankOf(group.host.id).orElse(-1) == group.launch.nodeRank(),
        "%s starts on %s with rank %d of %s",
        group.fence(),
        group.host.id,
        group.launch.nodeRank(),
        world.table());
  }
}
