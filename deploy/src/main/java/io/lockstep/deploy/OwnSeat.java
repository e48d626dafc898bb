package io.lockstep.deploy;

import io.lockstep.coordinator.actor.StateLaw;
import io.lockstep.coordinator.seat.LeaseServer;
import io.lockstep.coordinator.seat.SeatHost;
import io.lockstep.coordinator.seat.SeatId;
import java.io.IOException;
import java.util.function.Function;

/**
 * This daemon's seat: its store, and its door for leases. Outside the cluster (A24). Every daemon
 * has one; of those that are no seat of the cluster it is empty, grants nothing, and can be taken
 * in at any time.
 */
record OwnSeat(SeatHost host, LeaseServer door, KnownSeats known) implements AutoCloseable {
  static OwnSeat open(DaemonSettings settings) throws IOException {
    Function<SeatId, String> doors =
        seat -> settings.door(Seat.parse(seat.address(), settings.ports().akka()));
    SeatHost host = SeatHost.open(settings.place().id(), settings.dataDir(), new StateLaw(), doors);
    try {
      KnownSeats known = KnownSeats.open(settings, host::seats);
      LeaseServer door =
          LeaseServer.bind(settings.host(), settings.ports().lease(), host::renew, known::exchange);
      return new OwnSeat(host, door, known);
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
    known.close();
    door.close();
    host.close();
  }
}
