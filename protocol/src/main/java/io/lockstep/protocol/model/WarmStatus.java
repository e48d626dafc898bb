package io.lockstep.protocol.model;

import java.util.Optional;

/**
 * The warm pool of a node, as its agent knows it.
 *
 * @param standsBy the attempt of the order that it is kept for; empty on a node that trains
 * @param memoryBytes of the standby and its preloaded process, shared pages by halves (PSS); empty
 *     before it was looked at
 * @param problem why there is none, where it failed
 */
public record WarmStatus(
    JobId job,
    Optional<Fence> standsBy,
    Phase phase,
    Optional<Long> memoryBytes,
    Optional<String> problem) {
  /** How far it is. */
  public enum Phase {
    LOADING,
    READY,
    FAILED
  }
}
