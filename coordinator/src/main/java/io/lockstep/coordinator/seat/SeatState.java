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
 */
public record SeatState(
    DiskId disk,
    Optional<FoundingId> founding,
    boolean lostStore,
    Term promised,
    String promisedTo,
    Term acceptedTerm,
    StoredState stored) {

  static SeatState empty(DiskId disk, boolean lostStore) {
    return new SeatState(
        disk, Optional.empty(), lostStore, Term.NONE, "", Term.NONE, StoredState.EMPTY);
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
    return new SeatState(disk, founding, lostStore, term, incarnation, acceptedTerm, stored);
  }

  /** Accepting under a term promises it (A5). */
  SeatState accepting(
      Optional<FoundingId> by, Term term, String incarnation, StoredState accepted) {
    return new SeatState(disk, by, false, term, incarnation, term, accepted);
  }
}
