package io.lockstep.coordinator.seat;

/** What a seat answers to a {@link LeaseRequest} of the same number. */
public record LeaseAnswer(Verdict answer, long number, String message) {
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
