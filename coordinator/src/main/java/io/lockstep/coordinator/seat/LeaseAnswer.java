package io.lockstep.coordinator.seat;

/**
 * What a seat answers to a {@link LeaseRequest} of the same number.
 *
 * @param majority how many seats must grant, by this seat's accepted state: a node whose settings
 *     name fewer seats must not run on less
 */
public record LeaseAnswer(Verdict answer, long number, int majority, String message) {
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
