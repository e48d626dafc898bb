package io.lockstep.coordinator.seat;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;

/** A seat by the address that the settings give it. */
public record SeatId(@JsonValue String address) implements Comparable<SeatId> {
  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public SeatId {
    if (address.isBlank() || address.length() > 255) {
      throw new IllegalArgumentException(
          "SeatId must have 1 to 255 characters, found: '" + address + "'");
    }
  }

  @Override
  public int compareTo(SeatId other) {
    return address.compareTo(other.address);
  }

  @Override
  public String toString() {
    return address;
  }
}
