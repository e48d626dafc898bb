package io.lockstep.coordinator.seat;

import io.lockstep.protocol.model.Term;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** What a coordinator asks of a seat; each is safe to repeat. */
public sealed interface SeatRequest {
  /** Number of the request, echoed by the answer: tells a fresh answer from a delayed one. */
  long request();

  /** The founding that the asking coordinator belongs to; empty while it knows none. */
  Optional<FoundingId> founding();

  Term term();

  /** Who asks: unique for each coordinator that ever started. */
  String incarnation();

  /** Promise to refuse every lower term, and say what you last accepted (A4). */
  record Promise(long request, Optional<FoundingId> founding, Term term, String incarnation)
      implements SeatRequest {}

  /**
   * Append to the state that you accepted under this term (A5). With no events and the same
   * membership it only asks whether the seat still follows.
   *
   * @param membership in force once this is accepted
   */
  record Accept(
      long request,
      Optional<FoundingId> founding,
      Term term,
      String incarnation,
      long previousVersion,
      long previousMembership,
      Membership membership,
      List<byte[]> events)
      implements SeatRequest {
    public Accept {
      events = List.copyOf(events);
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Accept that
          && request == that.request
          && founding.equals(that.founding)
          && term.equals(that.term)
          && incarnation.equals(that.incarnation)
          && previousVersion == that.previousVersion
          && previousMembership == that.previousMembership
          && membership.equals(that.membership)
          && Arrays.deepEquals(events.toArray(), that.events.toArray());
    }

    @Override
    public int hashCode() {
      return Long.hashCode(request) * 31 + term.hashCode();
    }

    @Override
    public String toString() {
      return "Accept[%d term=%s %d+%d %s]"
          .formatted(request, term, previousVersion, events.size(), membership);
    }
  }

  /** Replace everything that you accepted by this (A6). */
  record Install(
      long request, Optional<FoundingId> founding, Term term, String incarnation, StoredState state)
      implements SeatRequest {}
}
