package io.lockstep.protocol.model;

import org.jspecify.annotations.Nullable;

/** Name of a node: its address unless the operator gave another. */
public record NodeId(String value) implements Comparable<NodeId> {
  private static final int MAX_LENGTH = 255;
  private static final int GOLDEN_RATIO = 0x9E37_79B9;

  public NodeId {
    Checks.require(
        Checks.isWord(value, true, "._:-", MAX_LENGTH),
        "node id",
        value,
        "a host name, an address or a word");
  }

  /** By hand: a record makes its own of method handles, which the first compiler leaves slow. */
  @Override
  public boolean equals(@Nullable Object other) {
    return this == other || (other instanceof NodeId that && value.equals(that.value));
  }

  /**
   * Spread: the JDK's unmodifiable maps take a hash as it is and look at the next place when one is
   * taken, and the names of a fleet, which differ in their last digits, have hashes side by side. A
   * thousand of them took thousands of comparisons for each look.
   */
  @Override
  public int hashCode() {
    int spread = value.hashCode() * GOLDEN_RATIO;
    return spread ^ (spread >>> 16);
  }

  @Override
  public int compareTo(NodeId other) {
    return value.compareTo(other.value);
  }

  @Override
  public String toString() {
    return value;
  }
}
