package io.lockstep.protocol.api;

import java.util.Optional;

/**
 * How to end a job.
 *
 * @param graceSeconds time between TERM and KILL; empty takes the default
 */
public record CancelRequest(Optional<Long> graceSeconds) {}
