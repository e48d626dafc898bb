package io.lockstep.protocol.model;

import org.jspecify.annotations.Nullable;

/** Name of a job, unique for the life of the cluster; safe in paths, URLs and environment. */
public record JobId(String value) implements Comparable<JobId> {
  /** Longest job id, in characters. */
  public static final int MAX_LENGTH = 80;

  public JobId {
    Checks.require(
        Checks.isWord(value, false, "._-", MAX_LENGTH),
        "job id",
        value,
        "1 to 80 of a-z, 0-9, '.', '_', '-', starting with a letter or digit");
  }

  /** By hand: a record makes its own of method handles, which the first compiler leaves slow. */
  @Override
  public boolean equals(@Nullable Object other) {
    return this == other || (other instanceof JobId that && value.equals(that.value));
  }

  @Override
  public int hashCode() {
    return value.hashCode();
  }

  @Override
  public int compareTo(JobId other) {
    return value.compareTo(other.value);
  }

  @Override
  public String toString() {
    return value;
  }
}
