package io.lockstep.simulation;

import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.NodeId;
import java.util.HashSet;
import java.util.Set;

/** A fence is forked at most once on a node (A12). */
final class ForkedOnce implements Invariant {
  private final Set<Fork> forks = new HashSet<>();

  private record Fork(NodeId node, Fence fence) {}

  @Override
  public void forked(SimGroup group) {
    require(
        forks.add(new Fork(group.host.id, group.fence())),
        "%s is forked again on %s",
        group.fence(),
        group.host.id);
  }
}
