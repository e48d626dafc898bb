package io.lockstep.protocol.model;

import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * One worker group as its agent knows it.
 *
 * @param activity what its workers did lately; empty before there were any
 * @param conversion how far it is with a checkpoint that it converts; empty while it converts none
 * @param startLengths how long its start took; empty before its workers are there
 */
public record GroupStatus(
    Fence fence,
    Phase phase,
    List<WorkerInfo> workers,
    Optional<Progress> progress,
    Optional<CompleteCheckpoint> lastCheckpoint,
    Optional<ExitReport> exit,
    Optional<GroupActivity> activity,
    Optional<ConversionStatus> conversion,
    Optional<StartLengths> startLengths) {
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
    activity = Objects.requireNonNullElse(activity, Optional.empty()); // of an older release
    conversion = Objects.requireNonNullElse(conversion, Optional.empty());
    startLengths = Objects.requireNonNullElse(startLengths, Optional.empty());
  }

  /** That converts nothing, and of whose start nothing is known. */
  public GroupStatus(
      Fence fence,
      Phase phase,
      List<WorkerInfo> workers,
      Optional<Progress> progress,
      Optional<CompleteCheckpoint> lastCheckpoint,
      Optional<ExitReport> exit,
      Optional<GroupActivity> activity) {
    this(
        fence,
        phase,
        workers,
        progress,
        lastCheckpoint,
        exit,
        activity,
        Optional.empty(),
        Optional.empty());
  }

  /** The same with how far it is converting. */
  public GroupStatus converting(Optional<ConversionStatus> status) {
    return new GroupStatus(
        fence, phase, workers, progress, lastCheckpoint, exit, activity, status, startLengths);
  }

  /** The same with how long its start took. */
  public GroupStatus started(Optional<StartLengths> lengths) {
    return new GroupStatus(
        fence, phase, workers, progress, lastCheckpoint, exit, activity, conversion, lengths);
  }

  /** Of which nothing is known but its place in life. */
  public GroupStatus(
      Fence fence,
      Phase phase,
      List<WorkerInfo> workers,
      Optional<Progress> progress,
      Optional<CompleteCheckpoint> lastCheckpoint,
      Optional<ExitReport> exit) {
    this(fence, phase, workers, progress, lastCheckpoint, exit, Optional.empty());
  }
}
