package io.lockstep.protocol.api;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import java.util.Optional;

/**
 * Something that became true, oldest first.
 *
 * @param version place in the cluster's history; grows, never repeats
 * @param type name of the event
 * @param lastKnown present when no coordinator answered; see {@link LastKnownView}
 */
public record EventView(
    long version,
    Instant at,
    String type,
    Optional<String> job,
    Optional<Integer> attempt,
    Optional<String> node,
    JobView.ReasonView reason,
    @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<LastKnownView> lastKnown) {
  /** An event as the coordinator knows it. */
  public EventView(
      long version,
      Instant at,
      String type,
      Optional<String> job,
      Optional<Integer> attempt,
      Optional<String> node,
      JobView.ReasonView reason) {
    this(version, at, type, job, attempt, node, reason, Optional.empty());
  }
}
