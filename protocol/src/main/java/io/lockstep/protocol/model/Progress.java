package io.lockstep.protocol.model;

import java.time.Instant;
import java.util.Optional;

/**
 * How far training is, read from its output.
 *
 * @param totalSteps 0 when the output does not say
 */
public record Progress(
    long step, long totalSteps, Optional<Double> loss, Optional<Double> evalLoss, Instant at) {}
