package io.lockstep.coordinator.seat;

import java.util.List;

/**
 * What a seat answers to a {@link LeaseRequest} of the same number.
 *
 * @param majority how many seats must grant, by this seat's accepted state: a node whose settings
 *     name fewer seats must not run on less
 * @param set which set of seats this seat has accepted (A9); 0 for none
 * @param term under which it accepted its state: what a majority of a set says alike of it is true
 * @param seats the doors of that set, as {@code host:port}
 */
public record LeaseAnswer(
    Verdict answer,
    long number,
    int majority,
    String message,
    long set,
    long term,
    List<String> seats) {
  public LeaseAnswer {
    seats = List.copyOf(seats);
  }

  /** Whether the group may run. */
  public enum Verdict {
    /** For one lease from the moment that the request was sent. */
    GRANTED,
    /** The attempt is over: end at once. */
    STOP,
    /** The seat does not know the attempt, or not yet; ask again. */
    UNKNOWN
  }
}
