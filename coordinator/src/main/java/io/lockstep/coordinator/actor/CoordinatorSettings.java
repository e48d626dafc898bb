package io.lockstep.coordinator.actor;

import io.lockstep.coordinator.core.FailureRules;
import io.lockstep.coordinator.core.QuarantinePolicy;
import io.lockstep.coordinator.seat.SeatId;
import java.time.Duration;
import java.util.List;
import java.util.function.Supplier;

/**
 * What the coordinator must know of its daemon.
 *
 * @param seats every configured seat as {@code host:akkaPort}
 * @param self node id of this daemon
 * @param nodeSilentAfter a node whose agent is not heard for this long is lost, unless its workers
 *     renew their lease
 * @param nodeSuspectAfter when a gang has lost a peer, a node not heard for this long since is
 *     suspect: a spare takes its rank
 * @param quarantine when a node that is lost again and again is kept out of placement
 * @param rules tell what kind of failure it was
 * @param known who the seats are, as this daemon has heard by now
 */
public record CoordinatorSettings(
    List<SeatId> seats,
    String self,
    String version,
    Duration nodeSilentAfter,
    Duration nodeSuspectAfter,
    QuarantinePolicy quarantine,
    FailureRules rules,
    Supplier<List<SeatId>> known) {
  public CoordinatorSettings {
    seats = List.copyOf(seats);
  }
}
