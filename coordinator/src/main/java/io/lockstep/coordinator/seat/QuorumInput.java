package io.lockstep.coordinator.seat;

import java.util.List;
import java.util.Set;

/** What reaches the coordinator's side of the quorum. */
sealed interface QuorumInput {
  record Begin() implements QuorumInput {}

  record Replied(SeatReply reply) implements QuorumInput {}

  record Tick() implements QuorumInput {}

  record Append(List<byte[]> events) implements QuorumInput {}

  record Compact(long version, byte[] snapshot) implements QuorumInput {}

  /** Ask a host that is no seat for its disk; the answer is kept until the next change (A9). */
  record Invite(SeatId seat) implements QuorumInput {}

  /** Change who is a seat, now; allowed only while every lease is counted by this set (A9). */
  record Change(SeatChange change) implements QuorumInput {}

  /** Every lease that may be held is counted by the set in force: true of this moment only (A9). */
  record Confirmed() implements QuorumInput {}

  /** Hosts that somebody said are seats: they are asked for promises too. */
  record AlsoAsk(Set<SeatId> seats) implements QuorumInput {}
}
