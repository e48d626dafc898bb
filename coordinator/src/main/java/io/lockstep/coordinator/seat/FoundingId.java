package io.lockstep.coordinator.seat;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;

/** Identity of a cluster, given once when it was founded (A3). */
public record FoundingId(@JsonValue String text) implements Comparable<FoundingId> {
  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public FoundingId {
    if (text.isBlank() || text.length() > 255) {
      throw new IllegalArgumentException(
          "FoundingId must have 1 to 255 characters, found: '" + text + "'");
    }
  }

  @Override
  public int compareTo(FoundingId other) {
    return text.compareTo(other.text);
  }

  @Override
  public String toString() {
    return text;
  }
}
