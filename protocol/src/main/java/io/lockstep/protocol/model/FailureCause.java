package io.lockstep.protocol.model;

/** Why an attempt ended before its work was done. */
public enum FailureCause {
  /** A worker was ended by a signal. */
  WORKER_KILLED(true),
  /**
   * A worker ended with a non-zero code or an exception: the user's code, until shown otherwise.
   */
  WORKER_FAILED(true),
  /** torchrun itself failed. */
  TORCHRUN_FAILED(true),
  /** The shim was killed; the agent ended its group. */
  SHIM_LOST(true),

  /** No majority of seats renewed the group's lease; seldom the cause, mostly what followed. */
  LEASE_LOST(true),
  /** An agent was not heard for too long. */
  NODE_SILENT(true),
  /** A node came back without the group that it should have had. */
  GROUP_GONE(true),
  /** A node was not prepared in time. */
  PREPARE_TIMEOUT(true),
  /** A node refused to prepare. */
  PREPARE_REJECTED(true),
  /** A group did not start in time. */
  START_TIMEOUT(true),
  /** Training stood still for longer than it ever did, and nothing said that it goes on. */
  HANG(true),
  /** Another program took the master port first; costs no budget. */
  PORT_TAKEN(false),
  /** The agreed checkpoint was gone or broken just before the start; costs no budget. */
  CHECKPOINT_CHANGED(false),
  /** A new coordinator found the attempt planned, but not released; costs no budget. */
  ABANDONED(false),
  /** An operator drained a node; costs no budget. */
  NODE_DRAINED(false),
  /** The job was canceled. */
  CANCELED(false),
  /** One of a newer release; the message says what it is. */
  OTHER(true);

  private final boolean counted;

  FailureCause(boolean counted) {
    this.counted = counted;
  }

  /** True when a restart for this cause is taken from the restart budget. */
  public boolean isCounted() {
    return counted;
  }
}
