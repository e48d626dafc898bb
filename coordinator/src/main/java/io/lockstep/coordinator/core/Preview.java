package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.RankTable;
import io.lockstep.protocol.model.Reason;
import java.util.List;
import java.util.Optional;

/**
 * Where a job would go, were it queued now.
 *
 * @param table empty when it would wait
 * @param verdicts each node and why it is not on it; empty when it would be placed
 */
public record Preview(
    Optional<RankTable> table, List<NodeId> spares, Reason reason, List<NodeVerdict> verdicts) {
  public Preview {
    spares = List.copyOf(spares);
    verdicts = List.copyOf(verdicts);
  }
}
