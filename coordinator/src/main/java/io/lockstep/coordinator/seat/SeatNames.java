package io.lockstep.coordinator.seat;

import io.lockstep.protocol.message.WireNames;

/** Names of the seats' messages on the wire. */
public final class SeatNames {
  private SeatNames() {}

  /** Adds them; returns its argument. */
  public static WireNames register(WireNames names) {
    return names
        .with("seat.promise", SeatCommand.Promise.class)
        .with("seat.accept", SeatCommand.Accept.class)
        .with("seat.install", SeatCommand.Install.class)
        .with("seat.promised", SeatReply.Promised.class)
        .with("seat.accepted", SeatReply.Accepted.class)
        .with("seat.needs-snapshot", SeatReply.NeedsSnapshot.class)
        .with("seat.refused", SeatReply.Refused.class)
        .with("seat.broken", SeatReply.Broken.class);
  }
}
