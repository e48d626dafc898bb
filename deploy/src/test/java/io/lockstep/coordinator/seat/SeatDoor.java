package io.lockstep.coordinator.seat;

/** Opens one seat's machine to the simulation of all machines. */
public final class SeatDoor {
  private final SeatMachine machine;

  /** As {@link SeatDecision}, for other packages. */
  public record Decided(SeatState next, boolean changed, SeatReply reply) {}

  public SeatDoor(SeatId seat) {
    this.machine = new SeatMachine(seat);
  }

  public static SeatState empty(String disk) {
    return SeatState.empty(new DiskId(disk), false);
  }

  public Decided decide(SeatState state, SeatRequest request) {
    SeatDecision decision = machine.decide(state, request);
    return new Decided(decision.next(), decision.changed(), decision.reply());
  }
}
