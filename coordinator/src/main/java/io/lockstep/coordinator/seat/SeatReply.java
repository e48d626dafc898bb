package io.lockstep.coordinator.seat;

import io.lockstep.protocol.message.Wire;
import io.lockstep.protocol.model.Term;
import java.util.List;
import java.util.Optional;

/** What a seat answers; all of it is true of its synced disk, except {@link Broken}. */
public sealed interface SeatReply extends Wire {
  /** Number of the request that this answers. */
  long request();

  SeatId seat();

  /** What a seat's store knows of a cluster. */
  enum Standing {
    /** Never held anything: may take part in a founding (A3). */
    EMPTY,
    /** An unreadable store lay here: empty now, but no sign that there was no cluster. */
    LOST,
    /** Belongs to a cluster. */
    FOUNDED
  }

  /** Why a seat refuses. */
  enum Refusal {
    /** It promised a higher term (A5). */
    HIGHER_TERM,
    /** It gave this term to another incarnation (A4). */
    TERM_TAKEN,
    /** It belongs to another founding (A3). */
    OTHER_FOUNDING,
    /** It has accepted something newer under this term (A6). */
    WOULD_GO_BACK,
    /** The state would be larger than {@link SeatLimits} allow. */
    TOO_LARGE
  }

  /**
   * The term is promised.
   *
   * @param term the promised term
   * @param acceptedTerm the term that {@code state} was accepted under
   * @param state what it last accepted; empty where there is no founding
   */
  record Promised(
      long request,
      SeatId seat,
      DiskId disk,
      Term term,
      Standing standing,
      Optional<FoundingId> founding,
      Term acceptedTerm,
      StoredState state)
      implements SeatReply {}

  /**
   * Accepted, and synced: this is what the seat now holds under {@code term}.
   *
   * @param servingMillis since when it grants: what it has no age of it may have granted before
   * @param grants when it last granted which lease; none since that state forbids them (A20)
   */
  record Accepted(
      long request,
      SeatId seat,
      DiskId disk,
      Term term,
      long version,
      long membershipVersion,
      long snapshotVersion,
      long servingMillis,
      List<GrantAge> grants)
      implements SeatReply {
    public Accepted {
      grants = List.copyOf(grants);
    }

    Accepted with(long serving, List<GrantAge> ages) {
      return new Accepted(
          request, seat, disk, term, version, membershipVersion, snapshotVersion, serving, ages);
    }
  }

  /** Did not accept under {@code term}: send everything (A6). */
  record NeedsSnapshot(
      long request, SeatId seat, DiskId disk, Term term, Term acceptedTerm, long version)
      implements SeatReply {}

  /**
   * Refused.
   *
   * @param term the term of the refused request
   * @param promisedTerm the highest that the seat promised
   */
  record Refused(
      long request,
      SeatId seat,
      DiskId disk,
      Term term,
      Term promisedTerm,
      Refusal why,
      String message)
      implements SeatReply {}

  /** The seat's disk failed: it says nothing about what it holds until it is restarted. */
  record Broken(long request, SeatId seat, String message) implements SeatReply {}
}
