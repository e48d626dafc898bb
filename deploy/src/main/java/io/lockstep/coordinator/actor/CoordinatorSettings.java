package io.lockstep.coordinator.actor;

import io.lockstep.coordinator.seat.SeatId;
import java.time.Duration;
import java.util.List;

public record CoordinatorSettings(
    List<SeatId> seats, String self, String version, Duration nodeSilentAfter) {}
