package io.lockstep.protocol.api;

import java.time.Instant;
import java.util.Optional;

/**
 * Something that became true, oldest first.
 *
 * @param version place in the cluster's history; grows, never repeats
 * @param type name of the event
 */
public record EventView(
    long version,
    Instant at,
    String type,
    Optional<String> job,
    Optional<Integer> attempt,
    Optional<String> node,
    JobView.ReasonView reason) {}
