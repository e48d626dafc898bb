package io.lockstep.coordinator.seat;

import java.util.List;

/** What reaches the coordinator's side of the quorum. */
sealed interface QuorumInput {
  record Begin() implements QuorumInput {}

  record Replied(SeatReply reply) implements QuorumInput {}

  record Tick() implements QuorumInput {}

  record Append(List<byte[]> events) implements QuorumInput {}

  record Compact(long version, byte[] snapshot) implements QuorumInput {}
}
