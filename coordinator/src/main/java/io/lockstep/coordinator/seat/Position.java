package io.lockstep.coordinator.seat;

import io.lockstep.protocol.model.Term;
import java.util.Comparator;

/**
 * How new an accepted state is: by the term it was accepted under, then by version, then by
 * membership. On one disk it never goes back (A6).
 */
record Position(Term term, long version, long membership) implements Comparable<Position> {
  static final Position NONE = new Position(Term.NONE, 0, 0);
  private static final Comparator<Position> ORDER =
      Comparator.comparing(Position::term)
          .thenComparingLong(Position::version)
          .thenComparingLong(Position::membership);

  static Position of(Term term, StoredState state) {
    return new Position(term, state.version(), state.membership().version());
  }

  @Override
  public int compareTo(Position other) {
    return ORDER.compare(this, other);
  }

  boolean isBefore(Position other) {
    return compareTo(other) < 0;
  }
}
