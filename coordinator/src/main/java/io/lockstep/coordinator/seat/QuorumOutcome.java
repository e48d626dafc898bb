package io.lockstep.coordinator.seat;

import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.Term;
import java.time.Instant;

/** What became of the coordinator's quorum; in the order in which it happened. */
public sealed interface QuorumOutcome {
  /** A majority holds {@code state} under {@code term}: fold it, then act (A4). */
  record BecameLeader(Term term, FoundingId founding, StoredState state) implements QuorumOutcome {}

  /** The events handed over last are true; {@code version} is the last one's (A5). */
  record Appended(long version) implements QuorumOutcome {}

  /** The events handed over last were not stored and never will be by this append. */
  record AppendRefused(Reason reason) implements QuorumOutcome {}

  /** A snapshot was too large to be kept; every append so far stays as it is. */
  record CompactionRefused(Reason reason) implements QuorumOutcome {}

  /**
   * Another coordinator has a higher term: forget the state, answer nobody (A7). An append without
   * {@link Appended} may or may not have become true. Keep ticking: it asks again.
   */
  record SteppedDown(Reason reason, Instant until) implements QuorumOutcome {}

  /** Not leading, and why; said once for each reason. */
  record Waiting(Reason reason) implements QuorumOutcome {}

  /** A seat's place was vacated, or filled with its new disk (A8); stored by a majority. */
  record MembershipChanged(Membership membership, String what) implements QuorumOutcome {}

  /** A seat needs a person; said once for each text. */
  record SeatTrouble(SeatId seat, String what) implements QuorumOutcome {}
}
