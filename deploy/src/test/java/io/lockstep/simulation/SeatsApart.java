package io.lockstep.simulation;

import io.lockstep.coordinator.seat.Membership;
import io.lockstep.coordinator.seat.SeatChange;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Takes a group and the seats that carry its lease away from the coordinator bit by bit, while one
 * of them is replaced: what the rules for leases and seat changes are there for. Chance alone cuts
 * in this order once in many thousand schedules.
 */
final class SeatsApart {
  private static final int FIRST_CUTS_MILLIS = 6_000;
  private static final int LAST_CUT_MILLIS = 14_000;

  private final Simulation sim;
  private final Chaos chaos;

  SeatsApart(Simulation sim, Chaos chaos) {
    this.sim = sim;
    this.chaos = chaos;
  }

  /** Again and again until the faults are over. */
  void begin() {
    if (chaos.isOver()) {
      return;
    }
    int length = sim.schedule.between(20_000, 45_000);
    sim.schedule.after(length + sim.schedule.between(5_000, 20_000), this::begin);
    sim.singleton.any().ifPresent(coordinator -> takeApart(coordinator, length));
  }

  private void takeApart(SimCoordinator coordinator, int length) {
    List<SimGroup> training = sim.livingGroups().stream().filter(SimGroup::workersAreUp).toList();
    Optional<Membership> membership = coordinator.membership();
    if (training.isEmpty() || membership.isEmpty()) {
      return;
    }
    SimHost host = training.get(sim.schedule.below(training.size())).host;
    List<SimHost> seats = seats(membership.get());
    List<SimHost> carrying = new ArrayList<>(seats);
    carrying.remove(coordinator.host);
    while (carrying.size() > membership.get().majority()) {
      carrying.remove(sim.schedule.below(carrying.size()));
    }
    List<SimHost> newcomers =
        sim.hosts().stream().filter(h -> !seats.contains(h) && h != host).toList();
    if (host == coordinator.host
        || carrying.size() < membership.get().majority()
        || newcomers.isEmpty()) {
      return;
    }
    int leaving = carrying.contains(host) ? carrying.indexOf(host) : sim.schedule.below(2);
    SimHost first = carrying.get(leaving);
    SimHost second = carrying.get(1 - leaving);
    SimHost newcomer = newcomers.get(sim.schedule.below(newcomers.size()));
    sim.trace.detail(
        "--- %s, %s and %s apart from %s, where %s replaces %s",
        host.id, first.id, second.id, coordinator.host.id, newcomer.id, first.id);
    switch (sim.schedule.below(3)) {
      case 0 -> bitByBit(host, first, second, carrying, length);
      case 1 -> seenByOneEarly(coordinator.host, host, first, second, length);
      default -> twoChangesAtOnce(coordinator, host, first, second, length);
    }
    wish(() -> coordinator, new SeatChange.Replace(first.seat().id, newcomer.seat().id), length);
  }

  /** The group and the seats that carry its lease, one after the other, from all others. */
  private void bitByBit(
      SimHost host, SimHost first, SimHost second, List<SimHost> carrying, int length) {
    for (SimHost other : sim.hosts()) {
      if (!carrying.contains(other) && other != host) {
        cut(host, other, sim.schedule.below(FIRST_CUTS_MILLIS), length);
        cut(first, other, sim.schedule.below(FIRST_CUTS_MILLIS), length);
        cut(second, other, sim.schedule.between(FIRST_CUTS_MILLIS / 3, LAST_CUT_MILLIS), length);
      }
    }
  }

  /** The group hears of the change from the coordinator's seat long before another has it. */
  private void seenByOneEarly(
      SimHost leading, SimHost host, SimHost first, SimHost second, int length) {
    int late = sim.schedule.between(2_000, 6_000);
    int again = late + sim.schedule.between(700, 3_000);
    cut(leading, second, sim.schedule.below(600), late);
    for (SimHost other : sim.hosts()) {
      if (other != first && other != second && other != host) {
        cut(host, other, sim.schedule.between(500, 2_500), length);
        cut(second, other, again, length);
        cut(first, other, sim.schedule.below(again), length);
      }
    }
  }

  /** A change that only its own seat has, and another that the others make true meanwhile. */
  private void twoChangesAtOnce(
      SimCoordinator coordinator, SimHost host, SimHost first, SimHost second, int length) {
    SimHost leading = coordinator.host;
    for (SimHost other : sim.hosts()) {
      if (other != host && other != leading) {
        cut(leading, other, sim.schedule.between(100, 1_500), length);
      }
      if (other != host && other != leading && other != second) {
        cut(host, other, sim.schedule.between(200, 3_000), length);
      }
      if (other != host && other != second) {
        cut(second, other, sim.schedule.between(LAST_CUT_MILLIS / 2, 2 * LAST_CUT_MILLIS), length);
      }
    }
    sim.schedule.after(sim.schedule.between(1_000, 3_000), sim.singleton::startSomewhere);
    for (SimHost by : sim.hosts()) {
      if (by != leading && by != first && by != second && by != host) {
        wish(
            () -> sim.singleton.any().orElse(coordinator),
            new SeatChange.Replace(leading.seat().id, by.seat().id),
            length);
        return;
      }
    }
  }

  private List<SimHost> seats(Membership membership) {
    return membership.members().stream().map(m -> sim.seatHost(m.seat())).toList();
  }

  private void cut(SimHost one, SimHost other, int after, int length) {
    int until = Math.max(after + 500, length - sim.schedule.below(Math.min(2_000, length)));
    oneWay(one, other, after + sim.schedule.below(500), until);
    oneWay(other, one, after + sim.schedule.below(500), until);
  }

  private void oneWay(SimHost from, SimHost to, int after, int until) {
    sim.schedule.after(after, () -> sim.network.cut(from.name, to.name));
    sim.schedule.after(until, () -> sim.network.heal(from.name, to.name));
  }

  private void wish(Supplier<SimCoordinator> of, SeatChange change, int millis) {
    of.get().changeSeats(change);
    int pause = sim.schedule.between(200, 1_500);
    if (millis > pause && !chaos.isOver()) {
      sim.schedule.after(pause, () -> wish(of, change, millis - pause));
    }
  }
}
