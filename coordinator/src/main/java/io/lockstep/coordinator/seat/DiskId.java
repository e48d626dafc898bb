package io.lockstep.coordinator.seat;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;

/** Identity of one seat's store; an emptied or unreadable store has a new one (A8). */
public record DiskId(@JsonValue String text) implements Comparable<DiskId> {
  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public DiskId {
    if (text.isBlank() || text.length() > 255) {
      throw new IllegalArgumentException(
          "DiskId must have 1 to 255 characters, found: '" + text + "'");
    }
  }

  @Override
  public int compareTo(DiskId other) {
    return text.compareTo(other.text);
  }

  @Override
  public String toString() {
    return text;
  }
}
