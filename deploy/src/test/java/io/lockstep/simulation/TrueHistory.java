package io.lockstep.simulation;

import io.lockstep.coordinator.core.ClusterEvent;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.coordinator.seat.StoredState;
import java.util.ArrayList;
import java.util.List;

/** Every event that was ever true, once, in order: what all coordinators together stored. */
final class TrueHistory {
  /** One for all runs: making it is slow. */
  private final Simulation sim;

  private final List<ClusterEvent> events = new ArrayList<>();
  private final List<ClusterState> states = new ArrayList<>(List.of(ClusterState.EMPTY));

  TrueHistory(Simulation sim) {
    this.sim = sim;
  }

  ClusterState state() {
    return states.get(states.size() - 1);
  }

  /** A coordinator's events were accepted by a majority; a later one may have told of them. */
  void appended(ClusterState before, List<ClusterEvent> appended) {
    long version = before.version();
    for (ClusterEvent event : appended) {
      version++;
      happened(version, event);
    }
  }

  /**
   * A new coordinator begins with this: what its predecessor was not told of is true as well. One
   * that was frozen meanwhile may begin with less than is true by now.
   */
  void adopted(StoredState stored, ClusterState read) {
    long version = stored.snapshotVersion();
    for (byte[] bytes : stored.events()) {
      version++;
      if (version > events.size()) {
        happened(version, sim.codec.readEvent(bytes));
      }
    }
    sim.invariants.tookOver(states.get((int) version), read);
  }

  private void happened(long version, ClusterEvent event) {
    if (version <= events.size()) {
      Broken.unless(
          events.get((int) version - 1).equals(event),
          "OneValuePerVersion",
          "version %d was %s and is %s",
          version,
          events.get((int) version - 1),
          event);
      return;
    }
    Broken.unless(
        version == events.size() + 1L, "OneValuePerVersion", "version %d is missing", version - 1);
    ClusterState before = state();
    ClusterState after = sim.codec.evolve(before, event);
    events.add(event);
    states.add(after);
    if (sim.trace.wantsExchange()) {
      sim.trace.exchange("stored %d: %s", version, Texts.of(event));
    }
    sim.invariants.happened(before, event, after);
  }
}
