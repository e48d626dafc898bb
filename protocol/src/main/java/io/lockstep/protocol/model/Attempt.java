package io.lockstep.protocol.model;

/** Ordinal of one gang start of a job, counted from 1. */
public record Attempt(int number) implements Comparable<Attempt> {
  public static final Attempt FIRST = new Attempt(1);

  public Attempt {
    Checks.require(number >= 1, "attempt", number, "1 or more");
  }

  public Attempt next() {
    return new Attempt(number + 1);
  }

  public boolean isBefore(Attempt other) {
    return number < other.number;
  }

  @Override
  public int compareTo(Attempt other) {
    return Integer.compare(number, other.number);
  }

  @Override
  public String toString() {
    return Integer.toString(number);
  }
}
