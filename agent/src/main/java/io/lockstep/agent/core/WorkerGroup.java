package io.lockstep.agent.core;

import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.GroupActivity;
import io.lockstep.protocol.model.GroupStatus;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.Progress;
import io.lockstep.protocol.model.WorkerInfo;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * This node's part of one attempt, as one unit.
 *
 * @param readiness what preflight found; empty until then
 * @param preparedHeard true when the coordinator stored Prepared
 * @param startedHeard true when the coordinator stored Started
 * @param stopBy end of the grace; empty until it was told to stop
 * @param saveWithin part of the grace in which it is asked to save first; empty for none
 */
public record WorkerGroup(
    LaunchSpec launch,
    Phase phase,
    Optional<Readiness> readiness,
    boolean preparedHeard,
    Optional<StartOrder> order,
    List<WorkerInfo> workers,
    boolean startedHeard,
    Optional<Instant> stopBy,
    Optional<Duration> saveWithin) {

  /** A group that ended is no longer a group: see {@link ClosedFence}. */
  public enum Phase {
    PREPARING,
    PREPARED,
    STARTING,
    RUNNING,
    STOPPING
  }

  public WorkerGroup {
    workers = List.copyOf(workers);
  }

  static WorkerGroup preparing(LaunchSpec launch) {
    return new WorkerGroup(
        launch,
        Phase.PREPARING,
        Optional.empty(),
        false,
        Optional.empty(),
        List.of(),
        false,
        Optional.empty(),
        Optional.empty());
  }

  public Fence fence() {
    return launch.fence();
  }

  /** True when processes of it may exist. */
  public boolean mayHaveProcesses() {
    return switch (phase) {
      case PREPARING, PREPARED -> false;
      case STARTING, RUNNING, STOPPING -> true;
    };
  }

  /** As the coordinator sees it. */
  public GroupStatus status(
      Optional<Progress> progress,
      Optional<CompleteCheckpoint> lastCheckpoint,
      Optional<GroupActivity> activity) {
    return new GroupStatus(
        fence(),
        GroupStatus.Phase.valueOf(phase.name()),
        workers,
        progress,
        lastCheckpoint,
        Optional.empty(),
        activity);
  }

  WorkerGroup prepared(Readiness found) {
    return new WorkerGroup(
        launch,
        Phase.PREPARED,
        Optional.of(found),
        false,
        order,
        workers,
        startedHeard,
        Optional.empty(),
        Optional.empty());
  }

  WorkerGroup starting(StartOrder given) {
    return new WorkerGroup(
        launch,
        Phase.STARTING,
        readiness,
        true,
        Optional.of(given),
        workers,
        startedHeard,
        Optional.empty(),
        Optional.empty());
  }

  WorkerGroup running(List<WorkerInfo> seen) {
    return new WorkerGroup(
        launch,
        Phase.RUNNING,
        readiness,
        true,
        order,
        seen,
        startedHeard,
        Optional.empty(),
        Optional.empty());
  }

  WorkerGroup stopping(Instant by, Optional<Duration> savesWithin) {
    return new WorkerGroup(
        launch,
        Phase.STOPPING,
        readiness,
        preparedHeard,
        order,
        workers,
        startedHeard,
        Optional.of(by),
        savesWithin);
  }

  WorkerGroup heard(boolean prepared, boolean started) {
    return new WorkerGroup(
        launch,
        phase,
        readiness,
        preparedHeard || prepared,
        order,
        workers,
        startedHeard || started,
        stopBy,
        saveWithin);
  }
}
