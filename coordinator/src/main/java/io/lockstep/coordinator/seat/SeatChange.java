package io.lockstep.coordinator.seat;

/** A wish to change who is a seat; one at a time (A9). */
public sealed interface SeatChange {
  /** Whether this seat leaves by it. */
  default boolean takesOut(SeatId seat) {
    return (this instanceof Remove remove && remove.seat().equals(seat))
        || (this instanceof Replace replace && replace.old().equals(seat));
  }

  /** One more seat. */
  record Add(SeatId seat) implements SeatChange {}

  /** One seat less. */
  record Remove(SeatId seat) implements SeatChange {}

  /** Another seat in the place of one that may be gone. */
  record Replace(SeatId old, SeatId by) implements SeatChange {}
}
