package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.Reason;
import java.time.Instant;
import java.util.Optional;

/** One event as people read it. */
public record HistoryEntry(
    long version,
    Instant at,
    String type,
    Optional<JobId> job,
    Optional<Attempt> attempt,
    Optional<NodeId> node,
    Reason reason) {
  /** Longest message, in bytes. */
  static final int MAX_MESSAGE_BYTES = 400;

  public HistoryEntry {
    reason = BoundedText.head(reason, MAX_MESSAGE_BYTES);
  }
}
