package io.lockstep.deploy;

import io.lockstep.coordinator.seat.SeatHost;
import java.io.IOException;
import java.util.Optional;

/** A seat where this daemon is one. */
record OwnSeat(Optional<SeatHost> host) implements AutoCloseable {
  static OwnSeat open(DaemonSettings settings) throws IOException {
    Optional<Seat> seat = settings.seat();
    return seat.isEmpty()
        ? new OwnSeat(Optional.empty())
        : new OwnSeat(Optional.of(SeatHost.open(seat.get().id(), settings.dataDir())));
  }

  @Override
  public void close() {
    host.ifPresent(SeatHost::close);
  }
}
