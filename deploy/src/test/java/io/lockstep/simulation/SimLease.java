package io.lockstep.simulation;

import io.lockstep.coordinator.seat.LeaseAnswer;
import io.lockstep.coordinator.seat.LeaseRequest;
import io.lockstep.coordinator.seat.SeatId;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Mirrors lease.py and guard.py: one group's renewals, and who ends it when they fail. */
final class SimLease {
  private static final long PAUSE_MILLIS = 1_000;
  private static final long GUARD_MILLIS = 250;

  private final Simulation sim;
  private final SimGroup group;
  private final long length;
  private final Map<SeatId, Long> granted = new HashMap<>();
  private long deadline = -1;
  private boolean over;

  SimLease(Simulation sim, SimGroup group) {
    this.sim = sim;
    this.group = group;
    // what its clock takes for the length
    this.length =
        Math.round(group.launch.job().deadlines().lease().toMillis() * group.host.clockRate());
  }

  void begin() {
    if (!group.isAlive() || group.phase() == SimGroup.Phase.ENDING) {
      return;
    }
    if (group.shimIsAwake()) {
      sim.seatIds().forEach(this::ask);
    }
    sim.schedule.after(PAUSE_MILLIS, this::begin);
  }

  private void ask(SeatId id) {
    SimHost seat = sim.seatHost(id);
    long sent = sim.schedule.now();
    var request =
        new LeaseRequest(
            sim.foundingOf(seat),
            group.fence().plan(),
            group.fence().job(),
            group.fence().attempt().number(),
            group.host.id,
            sent,
            false,
            java.util.Optional.empty());
    sim.network.send(
        group.host.name,
        seat.name,
        () ->
            seat.seat()
                .renew(request)
                .ifPresent(
                    answer ->
                        sim.network.send(
                            seat.name, group.host.name, () -> answered(id, sent, answer))));
  }

  private void answered(SeatId seat, long sent, LeaseAnswer answer) {
    if (!group.shimIsAwake()) {
      return;
    }
    switch (answer.answer()) {
      case GRANTED ->
          granted(seat, sim.mutation == Mutation.COUNT_FROM_RECEIPT ? sim.schedule.now() : sent);
      case STOP -> group.loseLease();
      case UNKNOWN -> {}
    }
  }

  private void granted(SeatId seat, long sent) {
    if (over && sim.mutation != Mutation.RENEW_WHAT_RAN_OUT) {
      return;
    }
    granted.merge(seat, sent, Math::max);
    List<Long> newest = granted.values().stream().sorted(Comparator.reverseOrder()).toList();
    int needed = sim.mutation == Mutation.ONE_SEAT_IS_ENOUGH ? 1 : sim.seatIds().size() / 2 + 1;
    if (newest.size() < needed) {
      return;
    }
    long end = newest.get(needed - 1) + length;
    if (end <= sim.schedule.now() || end <= deadline) {
      return;
    }
    boolean first = deadline < 0;
    deadline = end;
    sim.schedule.after(deadline - sim.schedule.now(), this::look);
    if (first) {
      group.leased();
    }
  }

  private void look() {
    if (sim.schedule.now() < deadline || !group.isAlive()) {
      return;
    }
    over = true;
    if (sim.mutation == Mutation.RENEW_WHAT_RAN_OUT) {
      return;
    }
    if (group.shimIsAwake()) {
      group.loseLease();
    } else if (sim.mutation != Mutation.NO_GUARD) {
      sim.schedule.after(GUARD_MILLIS, this::guard);
    }
  }

  /** A shim that thawed in time, or died since, changes nothing: the lease is over. */
  private void guard() {
    if (sim.schedule.now() >= deadline && group.phase() != SimGroup.Phase.ENDING) {
      group.kill();
    }
  }

  /** The guard sees its shim die. */
  void shimDied() {
    if (sim.mutation != Mutation.NO_GUARD) {
      sim.schedule.after(sim.schedule.between(10, 100), group::kill);
    }
  }
}
