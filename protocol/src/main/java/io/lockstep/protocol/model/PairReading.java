package io.lockstep.protocol.model;

import java.time.Duration;

/**
 * What a node measured in a pair check.
 *
 * @param device that multiplied: the name of a GPU, or {@code cpu}
 * @param matmul the best of a few, on the slowest device
 * @param gather the median of a few all-gathers with the whole group
 * @param bytes that each node of the group gave to an all-gather
 */
public record PairReading(String device, Duration matmul, Duration gather, long bytes) {
  public PairReading {
    Checks.require(gather.toNanos() > 0, "gather", gather, "longer than nothing");
    Checks.require(bytes > 0, "bytes", bytes, "1 or more");
  }
}
