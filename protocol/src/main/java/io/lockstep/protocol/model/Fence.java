package io.lockstep.protocol.model;

/**
 * Order of authority across all jobs: a command or report of a lower plan number is void (A10).
 *
 * @param plan version of the event that planned the attempt; grows across jobs and terms
 */
public record Fence(long plan, JobId job, Attempt attempt) {
  public Fence {
    Checks.require(plan >= 1, "plan number", plan, "1 or more");
  }

  /** True when this fence makes the other void. */
  public boolean supersedes(Fence other) {
    return plan > other.plan;
  }

  @Override
  public String toString() {
    return plan + "/" + job + "/" + attempt;
  }
}
