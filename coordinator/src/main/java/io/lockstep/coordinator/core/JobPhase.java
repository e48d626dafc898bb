package io.lockstep.coordinator.core;

/** Where a job stands in its life. */
public enum JobPhase {
  QUEUED,
  PREPARING,
  STARTING,
  RUNNING,
  STOPPING,
  SUCCEEDED,
  FAILED,
  CANCELED;

  public boolean isTerminal() {
    return this == SUCCEEDED || this == FAILED || this == CANCELED;
  }
}
