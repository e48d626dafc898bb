package io.lockstep.protocol.model;

import org.jspecify.annotations.Nullable;

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

  /** By hand: a record makes its own of method handles, which the first compiler leaves slow. */
  @Override
  public boolean equals(@Nullable Object other) {
    return this == other
        || (other instanceof Fence that
            && plan == that.plan
            && attempt.number() == that.attempt.number()
            && job.equals(that.job));
  }

  @Override
  public int hashCode() {
    return Long.hashCode(plan) * 31 + job.hashCode();
  }

  @Override
  public String toString() {
    return plan + "/" + job + "/" + attempt;
  }
}
