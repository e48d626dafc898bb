package io.lockstep.coordinator.plan;

import java.util.Optional;
import java.util.OptionalLong;

/**
 * Where a job is to run.
 *
 * @param card empty for workers without a GPU, or when nobody said
 * @param hostBytes memory of one host
 * @param source who said so
 */
public record Hardware(
    int nodes, int procsPerNode, Optional<Card> card, OptionalLong hostBytes, String source) {}
