package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.NodeId;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * A gang that seems to hang, while its stacks are taken; what is known of it, for people.
 *
 * @param stoodFor how long nothing had moved when it was first suspected
 * @param limit what it exceeded, and from what that was learned
 * @param verdictBy judged then, with or without stacks
 * @param excusedFor its stacks showed that it goes on: not judged before it stood still for so
 *     long; zero while it is judged
 * @param asked nodes that were to take stacks
 */
public record Suspicion(
    Duration stoodFor,
    String limit,
    long step,
    Optional<NodeId> node,
    Optional<Integer> rank,
    Instant verdictBy,
    Duration excusedFor,
    List<NodeId> asked) {
  public Suspicion {
    asked = List.copyOf(asked);
  }

  Suspicion excused(Duration still) {
    return new Suspicion(stoodFor, limit, step, node, rank, verdictBy, still, asked);
  }

  Suspicion until(Instant later) {
    return new Suspicion(stoodFor, limit, step, node, rank, later, excusedFor, asked);
  }
}
