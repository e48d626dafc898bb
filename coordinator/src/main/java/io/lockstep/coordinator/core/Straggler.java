package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.NodeId;

/**
 * A worker that is slower than the others.
 *
 * @param why ends the sentence "rank 3 on gpu-02 is slow: …"
 */
public record Straggler(NodeId node, int rank, String why) {
  @Override
  public String toString() {
    return "rank %d on %s: %s".formatted(rank, node, why);
  }
}
