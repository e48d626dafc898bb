package io.lockstep.simulation;

import io.lockstep.coordinator.seat.LeaseAnswer;
import io.lockstep.coordinator.seat.LeaseRequest;
import io.lockstep.coordinator.seat.SeatId;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Mirrors lease.py and guard.py: one group's renewals, and who ends it when they fail. */
final class SimLease {
  private static final long PAUSE_MILLIS = 1_000;
  private static final long GUARD_MILLIS = 250;

  private final Simulation sim;
  private final SimGroup group;
  private final long length;
  private final Map<SeatId, Long> granted = new HashMap<>();
  private final Map<SeatId, SeatSet> said = new HashMap<>();
  private SeatSet set;
  private long counts;
  private long deadline = -1;
  private boolean over;

  /** Who the seats are, as one has accepted it. */
  private record SeatSet(long version, long term, List<SeatId> seats) {
    int majority() {
      return seats.size() / 2 + 1;
    }
  }

  SimLease(Simulation sim, SimGroup group) {
    this.sim = sim;
    this.group = group;
    this.set = new SeatSet(0, 0, group.host.knownSeats());
    // what its clock takes for the length
    this.length =
        Math.round(group.launch.job().deadlines().lease().toMillis() * group.host.clockRate());
  }

  void begin() {
    if (!group.isAlive() || group.phase() == SimGroup.Phase.ENDING) {
      return;
    }
    if (group.shimIsAwake()) {
      set.seats().forEach(this::ask);
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
            Optional.of(counts));
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
    if (answer.set() > 0) {
      heard(
          seat,
          new SeatSet(
              answer.set(), answer.term(), answer.seats().stream().map(SeatId::new).toList()));
    }
    switch (answer.answer()) {
      case GRANTED ->
          granted(seat, sim.mutation == Mutation.COUNT_FROM_RECEIPT ? sim.schedule.now() : sent);
      case STOP -> group.loseLease();
      case UNKNOWN -> {}
    }
  }

  private void heard(SeatId seat, SeatSet what) {
    said.put(seat, what);
    long agree = what.seats().stream().filter(one -> what.equals(said.get(one))).count();
    boolean isTrue = agree >= what.majority() || sim.mutation == Mutation.COUNT_WHAT_ONE_SEAT_SAYS;
    if (what.version() > set.version() && isTrue) {
      boolean first = counts == 0;
      set = what;
      if (deadline < 0 || sim.mutation == Mutation.TELL_A_SET_TOO_EARLY) {
        counts = what.version();
      }
      if (first && counts > 1) {
        set.seats().forEach(this::ask);
      }
    }
  }

  private void granted(SeatId seat, long sent) {
    if (over && sim.mutation != Mutation.RENEW_WHAT_RAN_OUT) {
      return;
    }
    granted.merge(seat, sent, Math::max);
    List<Long> newest =
        granted.entrySet().stream()
            .filter(e -> set.seats().contains(e.getKey()))
            .map(Map.Entry::getValue)
            .sorted(Comparator.reverseOrder())
            .toList();
    int needed = sim.mutation == Mutation.ONE_SEAT_IS_ENOUGH ? 1 : set.majority();
    if (set.version() == 0 || newest.size() < needed) {
      return;
    }
    long end = newest.get(needed - 1) + length;
    if (end >= deadline) {
      counts = set.version();
    }
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
