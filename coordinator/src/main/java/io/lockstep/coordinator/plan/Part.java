package io.lockstep.coordinator.plan;

/**
 * One thing that takes memory, at the two moments at which a step can reach its peak.
 *
 * @param backward held when the loss has been computed and backward begins
 * @param update held when all gradients are there and the optimizer steps
 * @param source where the numbers come from
 */
public record Part(String name, Range backward, Range update, String source) {
  /** A part that is there all the time. */
  static Part always(String name, Range size, String source) {
    return new Part(name, size, size, source);
  }

  /** The most that it ever takes. */
  public Range most() {
    return backward.max(update);
  }
}
