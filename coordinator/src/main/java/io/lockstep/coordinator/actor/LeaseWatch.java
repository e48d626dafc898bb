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
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** Keeps what each seat last said of its leases to the coordinator of this term (A20). */
public final class LeaseWatch {
  private final Map<SeatId, Seen> seen = new HashMap<>();

  private final Map<SeatId, Trouble> broken = new HashMap<>();

  private record Trouble(String message, Instant at) {}

  /**
   * @param report of the same answer: it is looked at several times a second, for each silent node
   *     too
   */
  private record Seen(SeatReply.Accepted said, Instant heard, LeaseReport.Said report) {
    static Seen of(SeatReply.Accepted said, Instant heard) {
      return new Seen(said, heard, LeaseWatch.said(said, heard));
    }
  }

  /** Notes an answer; only acceptances of the leader's own term, from disks that count, tell. */
  public void saw(SeatReply reply, QuorumDriver quorum, Instant now) {
    broken(reply, now);
    if (reply instanceof SeatReply.Accepted accepted
        && quorum.term().filter(accepted.term()::equals).isPresent()
        && quorum.membership().filter(m -> m.names(accepted.seat(), accepted.disk())).isPresent()) {
      seen.merge(
          accepted.seat(),
          Seen.of(accepted, now),
          (before, after) -> after.said().version() < before.said().version() ? before : after);
    }
  }

  /** Notes what a seat that cannot write says of itself. */
  private void broken(SeatReply reply, Instant now) {
    if (reply instanceof SeatReply.Broken is) {
      broken.put(is.seat(), new Trouble(is.message(), now));
    } else if (reply instanceof SeatReply.Accepted) {
      broken.remove(reply.seat());
    }
  }

  /** The seats of this membership that have accepted something within this time. */
  public Set<SeatId> answering(Membership membership, Duration within, Instant now) {
    return seen.entrySet().stream()
        .filter(e -> membership.names(e.getKey(), e.getValue().said().disk()))
        .filter(e -> Duration.between(e.getValue().heard(), now).compareTo(within) <= 0)
        .map(Map.Entry::getKey)
        .collect(Collectors.toUnmodifiableSet());
  }

  /** What a seat last said that it holds; 0 when it has said nothing. */
  public long versionOf(SeatId seat) {
    Seen last = seen.get(seat);
    return last == null ? 0 : last.said().version();
  }

  /** Why a seat said within this time that it cannot take part. */
  public Optional<String> troubleOf(SeatId seat, Duration within, Instant now) {
    return Optional.ofNullable(broken.get(seat))
        .filter(t -> Duration.between(t.at(), now).compareTo(within) <= 0)
        .map(Trouble::message);
  }

  /** Forgets all: another reign. */
  public void clear() {
    seen.clear();
    broken.clear();
  }

  public LeaseReport report(QuorumDriver quorum) {
    Membership membership = quorum.membership().orElse(Membership.NONE);
    List<LeaseReport.Said> said =
        seen.values().stream()
            .filter(s -> membership.names(s.said().seat(), s.said().disk()))
            .map(Seen::report)
            .toList();
    return new LeaseReport(membership.majority(), said);
  }

  private static LeaseReport.Said said(SeatReply.Accepted accepted, Instant heard) {
    var grants = new HashMap<Lease, LeaseReport.Granted>();
    for (GrantAge grant : accepted.grants()) {
      grants.put(
          new Lease(grant.fence(), grant.node()),
          new LeaseReport.Granted(
              heard.minusMillis(grant.ageMillis()), grant.returned(), grant.set().orElse(1L)));
    }
    return new LeaseReport.Said(
        accepted.version(), heard, heard.minusMillis(accepted.servingMillis()), grants);
  }
}
