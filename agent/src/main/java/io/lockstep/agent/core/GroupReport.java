package io.lockstep.agent.core;

import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.WorkerInfo;
import java.util.List;

/** What the machine has to say about a fence; the shell puts the node's name on it. */
public sealed interface GroupReport {
  Fence fence();

  /** The old groups are gone and this attempt can start. */
  record Prepared(Fence fence, Readiness readiness) implements GroupReport {}

  /** This node cannot take part. */
  record PrepareRejected(Fence fence, Reason reason) implements GroupReport {}

  /** All workers were seen. */
  record Started(Fence fence, List<WorkerInfo> workers) implements GroupReport {
    public Started {
      workers = List.copyOf(workers);
    }
  }

  /** The group ended. */
  record Exited(Fence fence, ExitReport report) implements GroupReport {}

  /** This memory knows nothing of it. */
  record Unknown(Fence fence) implements GroupReport {}

  /** Reports that are repeated until acknowledged. */
  enum Kind {
    PREPARED,
    PREPARE_REJECTED,
    STARTED,
    EXITED
  }
}
