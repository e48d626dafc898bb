package io.lockstep.simulation;

import io.lockstep.coordinator.actor.StateLaw;
import io.lockstep.coordinator.seat.LeaseAnswer;
import io.lockstep.coordinator.seat.LeaseBook;
import io.lockstep.coordinator.seat.LeaseBookDoor;
import io.lockstep.coordinator.seat.LeaseLaw;
import io.lockstep.coordinator.seat.LeaseRequest;
import io.lockstep.coordinator.seat.SeatDoor;
import io.lockstep.coordinator.seat.SeatId;
import io.lockstep.coordinator.seat.SeatReply;
import io.lockstep.coordinator.seat.SeatRequest;
import io.lockstep.coordinator.seat.SeatState;
import io.lockstep.coordinator.seat.SeatsSaid;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.function.Consumer;

/** Mirrors SeatHost: one request at a time, synced before it is answered. */
final class SimSeat {
  private static final int MAX_WAITING = 100;

  final SeatId id;
  private final Simulation sim;
  private final SeatDoor machine;
  private final Deque<Runnable> waiting = new ArrayDeque<>();
  private SeatState disk;
  private Optional<SeatState> syncing = Optional.empty();
  private boolean up = true;
  private int life;
  private LeaseBook leases;

  SimSeat(Simulation sim, SeatId id) {
    this.sim = sim;
    this.id = id;
    this.machine = new SeatDoor(id);
    this.disk = SeatDoor.empty("seat-disk-of-" + id);
    this.leases = newLeases();
  }

  private LeaseBook newLeases() {
    var book =
        LeaseBookDoor.open(
            law(),
            () -> sim.schedule.now() * 1_000_000,
            sim.mutation == Mutation.GRANT_WHATEVER_IS_COUNTED);
    book.follow(disk);
    return book;
  }

  private LeaseLaw.Reader law() {
    return sim.mutation == Mutation.GRANT_WHATEVER_IS_ASKED
        ? stored -> (fence, node) -> LeaseLaw.Standing.PERMITTED
        : new StateLaw(sim.codec);
  }

  /** Empty while its daemon is down. */
  Optional<LeaseAnswer> renew(LeaseRequest request) {
    return up ? Optional.of(leases.renew(request)) : Optional.empty();
  }

  SeatsSaid seats() {
    return leases.seats();
  }

  SeatState disk() {
    return disk;
  }

  void receive(SeatRequest request, Consumer<SeatReply> answer) {
    if (up && waiting.size() < MAX_WAITING) {
      waiting.add(() -> handle(request, answer));
      next();
    }
  }

  private void next() {
    while (up && syncing.isEmpty() && !waiting.isEmpty()) {
      waiting.remove().run();
    }
  }

  private void handle(SeatRequest request, Consumer<SeatReply> answer) {
    SeatDoor.Decided decided = machine.decide(disk, request);
    if (!decided.changed()) {
      answer.accept(leases.withAges(decided.reply()));
      return;
    }
    syncing = Optional.of(decided.next());
    int current = life;
    sim.schedule.after(
        sim.schedule.between(1, 20),
        () -> {
          if (life == current) {
            disk = decided.next();
            leases.follow(disk);
            syncing = Optional.empty();
            answer.accept(leases.withAges(decided.reply()));
            next();
          }
        });
  }

  void crash() {
    up = false;
    life++;
    waiting.clear();
    if (syncing.isPresent() && sim.schedule.oneIn(2)) {
      disk = syncing.get(); // written, but never answered for
    }
    syncing = Optional.empty();
  }

  void restart() {
    if (!up) {
      leases = newLeases();
    }
    up = true;
  }
}
