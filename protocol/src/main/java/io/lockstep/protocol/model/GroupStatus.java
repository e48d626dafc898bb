package io.lockstep.protocol.model;

import java.util.List;
import java.util.Optional;

/** One worker group as its agent knows it. */
public record GroupStatus(
    Fence fence,
    Phase phase,
    List<WorkerInfo> workers,
    Optional<Progress> progress,
    Optional<CompleteCheckpoint> lastCheckpoint,
    Optional<ExitReport> exit) {
  /** The group's life on its node. */
  public enum Phase {
    PREPARING,
    PREPARED,
    STARTING,
    RUNNING,
    STOPPING,
    EXITED
  }

  public GroupStatus {
    workers = List.copyOf(workers);
  }
}
