package io.lockstep.protocol.model;

/** Ordinal of a coordinator's reign, promised by a majority of seats to one incarnation (A4). */
public record Term(long number) implements Comparable<Term> {
  /** No coordinator was ever heard. */
  public static final Term NONE = new Term(0);

  public Term {
    Checks.require(number >= 0, "term", number, "0 or more");
  }

  public Term next() {
    return new Term(number + 1);
  }

  public boolean isBefore(Term other) {
    return number < other.number;
  }

  @Override
  public int compareTo(Term other) {
    return Long.compare(number, other.number);
  }

  @Override
  public String toString() {
    return Long.toString(number);
  }
}
