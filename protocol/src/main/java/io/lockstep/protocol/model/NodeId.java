package io.lockstep.protocol.model;

import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Name of a node: its address unless the operator gave another. */
public record NodeId(String value) implements Comparable<NodeId> {
  private static final Pattern LEGAL = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._:-]{0,254}");

  public NodeId {
    Checks.require(
        LEGAL.matcher(value).matches(), "node id", value, "a host name, an address or a word");
  }

  /** By hand: a record makes its own of method handles, which the first compiler leaves slow. */
  @Override
  public boolean equals(@Nullable Object other) {
    return this == other || (other instanceof NodeId that && value.equals(that.value));
  }

  @Override
  public int hashCode() {
    return value.hashCode();
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
