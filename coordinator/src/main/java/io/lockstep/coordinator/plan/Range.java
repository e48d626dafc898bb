package io.lockstep.coordinator.plan;

/** A size that lies between two bounds, in bytes. */
public record Range(long lowBytes, long highBytes) {
  public static final Range NONE = new Range(0, 0);

  public Range {
    if (lowBytes < 0 || highBytes < lowBytes) {
      throw new IllegalArgumentException(
          "a range needs 0 <= low <= high, found: " + lowBytes + ", " + highBytes);
    }
  }

  static Range exactly(long bytes) {
    return new Range(bytes, bytes);
  }

  static Range upTo(long bytes) {
    return new Range(0, bytes);
  }

  Range plus(Range other) {
    return new Range(lowBytes + other.lowBytes, highBytes + other.highBytes);
  }

  Range times(long factor) {
    return new Range(lowBytes * factor, highBytes * factor);
  }

  /** Both bounds the larger of the two: what is held at one time or at another. */
  Range max(Range other) {
    return new Range(Math.max(lowBytes, other.lowBytes), Math.max(highBytes, other.highBytes));
  }

  /**
   * Each of {@code ranks} holds an equal share; DeepSpeed pads the last one, so it is rounded up.
   */
  Range sharedBy(long ranks) {
    return new Range(share(lowBytes, ranks), share(highBytes, ranks));
  }

  static long share(long count, long ranks) {
    return (count + ranks - 1) / ranks;
  }
}
