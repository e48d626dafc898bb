package io.lockstep.protocol.api;

import java.util.Optional;

/**
 * How to end a job.
 *
 * @param graceSeconds time between TERM and KILL; empty takes the default
 * @param checkpoint true: a script with the helper is asked to save first; empty means false
 */
public record CancelRequest(Optional<Long> graceSeconds, Optional<Boolean> checkpoint) {}
