package io.lockstep.protocol.api;

import java.util.List;
import java.util.Optional;

/** The cluster as this daemon sees it. */
public record ClusterView(
    String version,
    Optional<String> coordinator,
    long term,
    long stateVersion,
    List<String> seats,
    int nodes,
    int jobs) {
  public ClusterView {
    seats = List.copyOf(seats);
  }
}
