package io.lockstep.coordinator.seat;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.lockstep.protocol.message.WireJson;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * Who the seats are, as one seat has accepted it: {@code POST /v1/seats} at its door for leases.
 * Good enough to know whom to ask; what is true only a majority says.
 *
 * @param founding empty for a seat that belongs to no cluster
 * @param term under which it accepted this
 * @param set counts the changes, from 1
 * @param seats addresses as {@code host:akkaPort}
 * @param replaces an earlier founding of this cluster, which a person gave up
 */
public record SeatsSaid(
    Optional<String> founding, long term, long set, List<String> seats, Optional<String> replaces) {
  private static final ObjectMapper JSON = WireJson.json();

  public SeatsSaid {
    seats = List.copyOf(seats);
  }

  /** Reads what {@link #json()} wrote; fails when it is anything else. */
  public static SeatsSaid read(byte[] json) throws IOException {
    return JSON.readValue(json, SeatsSaid.class);
  }

  /** As it is served, and kept in files. */
  public byte[] json() throws IOException {
    return JSON.writeValueAsBytes(this);
  }
}
