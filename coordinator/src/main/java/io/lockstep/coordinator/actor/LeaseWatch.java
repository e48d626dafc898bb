package io.lockstep.coordinator.actor;

import io.lockstep.coordinator.core.Lease;
import io.lockstep.coordinator.core.LeaseReport;
import io.lockstep.coordinator.seat.GrantAge;
import io.lockstep.coordinator.seat.Membership;
import io.lockstep.coordinator.seat.QuorumDriver;
import io.lockstep.coordinator.seat.SeatId;
import io.lockstep.coordinator.seat.SeatReply;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;

/** Keeps what each seat last said of its leases to the coordinator of this term (A20). */
public final class LeaseWatch {
  private final Map<SeatId, Seen> seen = new HashMap<>();

  private record Seen(SeatReply.Accepted said, Instant heard) {}

  /** Notes an answer; only acceptances of the leader's own term, from disks that count, tell. */
  public void saw(SeatReply reply, QuorumDriver quorum, Instant now) {
    if (reply instanceof SeatReply.Accepted accepted
        && quorum.term().filter(accepted.term()::equals).isPresent()
        && quorum.membership().filter(m -> m.names(accepted.seat(), accepted.disk())).isPresent()) {
      seen.merge(
          accepted.seat(),
          new Seen(accepted, now),
          (before, after) -> after.said().version() < before.said().version() ? before : after);
    }
  }

  /** Forgets all: another reign. */
  public void clear() {
    seen.clear();
  }

  public LeaseReport report(QuorumDriver quorum) {
    Membership membership = quorum.membership().orElse(Membership.NONE);
    List<LeaseReport.Said> said =
        seen.values().stream()
            .filter(s -> membership.names(s.said().seat(), s.said().disk()))
            .map(s -> said(s.said(), s.heard()))
            .toList();
    return new LeaseReport(membership.majority(), said);
  }

  private static LeaseReport.Said said(SeatReply.Accepted accepted, Instant heard) {
    var granted = new HashMap<Lease, Instant>();
    var returned = new HashSet<Lease>();
    for (GrantAge grant : accepted.grants()) {
      var lease = new Lease(grant.fence(), grant.node());
      granted.put(lease, heard.minus(Duration.ofMillis(grant.ageMillis())));
      if (grant.returned()) {
        returned.add(lease);
      }
    }
    return new LeaseReport.Said(
        accepted.version(),
        heard,
        heard.minus(Duration.ofMillis(accepted.servingMillis())),
        granted,
        returned);
  }
}
