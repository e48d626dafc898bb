package io.lockstep.protocol.model;

import java.util.regex.Pattern;

/** Name of a node: its address unless the operator gave another. */
public record NodeId(String value) implements Comparable<NodeId> {
  private static final Pattern LEGAL = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._:-]{0,254}");

  public NodeId {
    Checks.require(
        LEGAL.matcher(value).matches(), "node id", value, "a host name, an address or a word");
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
