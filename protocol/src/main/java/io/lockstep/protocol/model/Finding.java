package io.lockstep.protocol.model;

/**
 * What one check found on a node.
 *
 * @param code names the check, whatever it found
 * @param found what is there, for people
 * @param todo what to do about it; empty where there is nothing to do
 */
public record Finding(ReasonCode code, Severity severity, String found, String todo) {
  /** What it means for a job that would start here. */
  public enum Severity {
    /** As it should be. */
    OK,
    /** Does not apply here, or cannot be seen. */
    SKIPPED,
    /** A job starts, and may suffer. */
    WARN,
    /** No job starts here. */
    FAIL
  }

  public boolean isFail() {
    return severity == Severity.FAIL;
  }

  public boolean isWarning() {
    return severity == Severity.WARN;
  }

  /** Found, and what to do, in one sentence. */
  public String sentence() {
    return todo.isEmpty() ? found : found + "; " + todo;
  }
}
