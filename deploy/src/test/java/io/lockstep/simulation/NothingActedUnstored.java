package io.lockstep.simulation;

import io.lockstep.coordinator.core.ClusterEvent;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.protocol.model.Fence;
import java.util.HashSet;
import java.util.Set;

/** A group is forked only when a majority of seats has accepted that its attempt is released. */
final class NothingActedUnstored implements Invariant {
  private final Simulation sim;
  private final Set<Fence> released = new HashSet<>();

  NothingActedUnstored(Simulation sim) {
    this.sim = sim;
  }

  @Override
  public void happened(ClusterState before, ClusterEvent event, ClusterState after) {
    if (event instanceof ClusterEvent.AttemptReleased release) {
      released.add(release.fence());
    }
  }

  @Override
  public void forked(SimGroup group) {
    require(
        released.contains(group.fence()),
        "%s is forked on %s and version %d knows of no release",
        group.fence(),
        group.host.id,
        sim.history.state().version());
  }
}
