package io.lockstep.coordinator.seat;

/**
 * What a seat decided.
 *
 * @param changed {@code next} is to be synced before the answer leaves (A2)
 */
record SeatDecision(SeatState next, boolean changed, SeatReply reply) {
  static SeatDecision changed(SeatState next, SeatReply reply) {
    return new SeatDecision(next, true, reply);
  }

  static SeatDecision unchanged(SeatState state, SeatReply reply) {
    return new SeatDecision(state, false, reply);
  }
}
