package io.lockstep.coordinator.actor;

import akka.actor.ExtendedActorSystem;
import io.lockstep.coordinator.seat.SeatNames;
import io.lockstep.protocol.message.WireNames;
import io.lockstep.protocol.message.WireSerializer;

public final class CoordinatorSerializer extends WireSerializer {
  public CoordinatorSerializer(ExtendedActorSystem system) {
    super(SeatNames.register(new WireNames()), 77_330_002);
  }
}
