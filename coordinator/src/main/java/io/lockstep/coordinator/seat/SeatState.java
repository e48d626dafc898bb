package io.lockstep.coordinator.seat;

import io.lockstep.protocol.model.Term;
import java.util.Optional;

/**
 * Everything that one seat keeps on its disk.
 *
 * @param founding empty until the first state was installed
 * @param lostStore an unreadable store was moved aside here, and nothing was installed since
 * @param promisedTo the incarnation that has the promised term; blank when none
 * @param acceptedTerm the term that {@code stored} was accepted under
 * @param replaces the founding that a person gave up when most of its seats were lost for good
 */
public record SeatState(
    DiskId disk,
    Optional<FoundingId> founding,
    boolean lostStore,
    Term promised,
    String promisedTo,
    Term acceptedTerm,
    StoredState stored,
    Optional<FoundingId> replaces) {

  static SeatState empty(DiskId disk, boolean lostStore) {
    return new SeatState(
        disk,
        Optional.empty(),
        lostStore,
        Term.NONE,
        "",
        Term.NONE,
        StoredState.EMPTY,
        Optional.empty());
  }

  SeatReply.Standing standing() {
    if (founding.isPresent()) {
      return SeatReply.Standing.FOUNDED;
    }
    return lostStore ? SeatReply.Standing.LOST : SeatReply.Standing.EMPTY;
  }

  Position position() {
    return Position.of(acceptedTerm, stored);
  }

  SeatState promising(Term term, String incarnation) {
    return new SeatState(
        disk, founding, lostStore, term, incarnation, acceptedTerm, stored, replaces);
  }

  /** Accepting under a term promises it (A5). */
  SeatState accepting(
      Optional<FoundingId> by, Term term, String incarnation, StoredState accepted) {
    return new SeatState(disk, by, false, term, incarnation, term, accepted, replaces);
  }

  /** This seat alone, as a cluster of its own that goes on from the state that it holds. */
  SeatState alone(SeatId self, FoundingId as) {
    var stays =
        new StoredState(
            stored.membership().only(self),
            stored.snapshotVersion(),
            stored.snapshot(),
            stored.events());
    return new SeatState(
        disk, Optional.of(as), false, promised, promisedTo, acceptedTerm, stays, founding);
  }
}
