package io.lockstep.deploy;

import io.lockstep.coordinator.actor.StateLaw;
import io.lockstep.coordinator.seat.LeaseServer;
import io.lockstep.coordinator.seat.SeatHost;
import java.io.IOException;
import java.util.Optional;

/**
 * A seat where this daemon is one: its store, and its door for leases. Outside the cluster (A24).
 */
record OwnSeat(Optional<SeatHost> host, Optional<LeaseServer> door) implements AutoCloseable {
  static OwnSeat open(DaemonSettings settings) throws IOException {
    Optional<Seat> seat = settings.seat();
    if (seat.isEmpty()) {
      return new OwnSeat(Optional.empty(), Optional.empty());
    }
    SeatHost host = SeatHost.open(seat.get().id(), settings.dataDir(), new StateLaw());
    try {
      LeaseServer door = LeaseServer.bind(settings.host(), settings.ports().lease(), host::renew);
      return new OwnSeat(Optional.of(host), Optional.of(door));
    } catch (IOException e) {
      host.close();
      throw new IOException(
          "leases cannot be granted on %s:%d: %s; free the port or set ports.lease on all hosts"
              .formatted(settings.host(), settings.ports().lease(), e.getMessage()),
          e);
    }
  }

  @Override
  public void close() {
    door.ifPresent(LeaseServer::close);
    host.ifPresent(SeatHost::close);
  }
}
