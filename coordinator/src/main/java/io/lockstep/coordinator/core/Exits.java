package io.lockstep.coordinator.core;

/** Exit codes of a job, as the contract lists them. */
final class Exits {
  static final int DONE = 0;
  static final int SCRIPT_FAILED = 3;
  static final int BUDGET_SPENT = 4;
  static final int NO_PROGRESS = 5;
  static final int INFRASTRUCTURE = 6;
  static final int CANCELED = 7;
  static final int REFUSED = 9;

  private Exits() {}
}
