package io.lockstep.simulation;

import io.lockstep.coordinator.actor.StateLaw;
import io.lockstep.coordinator.core.ClusterEvent;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.coordinator.core.OpenGroup;
import java.util.stream.Stream;

/** A seat of an older release may skip any other event and still grants what it must. */
final class OnlyKnownEventsChangeLeases implements Invariant {
  @Override
  public void happened(ClusterState before, ClusterEvent event, ClusterState after) {
    if (StateLaw.CHANGES_LEASES.contains(event.getClass())) {
      return;
    }
    Stream.of(before, after)
        .flatMap(state -> state.jobs().values().stream())
        .flatMap(job -> job.open().stream())
        .map(OpenGroup::lease)
        .forEach(
            lease ->
                require(
                    before.standing(lease) == after.standing(lease),
                    "%s made the lease of %s on %s %s, which was %s",
                    event,
                    lease.fence(),
                    lease.node(),
                    after.standing(lease),
                    before.standing(lease)));
  }
}
