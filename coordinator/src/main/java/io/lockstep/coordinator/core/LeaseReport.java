package io.lockstep.coordinator.core;

import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the seats last said of the leases that they granted (A20).
 *
 * @param majority of the configured seats, whether they said something or not
 */
public record LeaseReport(int majority, List<Said> seats) {
  /** No seat has said anything. */
  public static final LeaseReport NONE = new LeaseReport(1, List.of());

  public LeaseReport {
    seats = List.copyOf(seats);
  }

  /**
   * One seat's answer to this coordinator, under its term.
   *
   * @param version the state by which it grants
   * @param heard when the answer came; ages count back from here
   * @param servingSince it may have granted anything before that
   * @param grants what it granted since then, but for groups that it knows to be gone
   */
  public record Said(
      long version, Instant heard, Instant servingSince, Map<Lease, Granted> grants) {
    public Said {
      grants = Collections.unmodifiableMap(new HashMap<>(grants));
    }

    /** Of a seat of the first set, to which no group has said that it has ended. */
    public static Said of(
        long version, Instant heard, Instant servingSince, Map<Lease, Instant> last) {
      var grants = new HashMap<Lease, Granted>();
      last.forEach((lease, at) -> grants.put(lease, new Granted(at, false, 1)));
      return new Said(version, heard, servingSince, grants);
    }

    private Optional<Granted> of(Lease lease) {
      return Optional.ofNullable(grants.get(lease));
    }

    private Instant last(Lease lease) {
      return of(lease).map(Granted::at).orElse(servingSince);
    }

    private boolean isReturned(Lease lease) {
      return of(lease).filter(Granted::returned).isPresent();
    }
  }

  /**
   * The last grant of a lease by one seat.
   *
   * @param returned its group has ended by itself
   * @param counts the set of seats that its shim counts, and no older one any more (A9)
   */
  public record Granted(Instant at, boolean returned, long counts) {}

  /**
   * No majority of seats has renewed this lease after this moment, nor ever will; empty while too
   * few seats know that they must not.
   *
   * @param revokedAt the version that they must know
   */
  Optional<Instant> lastRenewal(Lease lease, long revokedAt) {
    List<Instant> known =
        seats.stream()
            .filter(s -> s.version() >= revokedAt)
            .map(s -> s.last(lease))
            .sorted()
            .toList();
    return known.size() < majority ? Optional.empty() : Optional.of(known.get(majority - 1));
  }

  /** Its shim counts this set of seats, or a later one, or has ended by itself (A9). */
  public boolean isCountedBy(Lease lease, long set) {
    return seats.stream()
        .flatMap(s -> s.of(lease).stream())
        .anyMatch(granted -> granted.counts() >= set || granted.returned());
  }

  /**
   * It was held, was not given back, and a majority of seats has not renewed it for this long. A
   * seat that has no record of it may not have been asked yet, or has lost its memory: it counts
   * from the newest that another seat knows.
   */
  boolean isSilent(Lease lease, Duration limit) {
    Optional<Instant> newest =
        seats.stream().flatMap(s -> s.of(lease).map(Granted::at).stream()).max(Instant::compareTo);
    if (newest.isEmpty() || returnedAfter(lease).isPresent()) {
      return false;
    }
    return seats.stream()
            .map(
                s -> Duration.between(s.of(lease).map(Granted::at).orElse(newest.get()), s.heard()))
            .filter(silence -> silence.compareTo(limit) >= 0)
            .count()
        >= majority;
  }

  /** The last grant before its group said that it has ended by itself; empty if it did not. */
  Optional<Instant> returnedAfter(Lease lease) {
    return seats.stream()
        .filter(s -> s.isReturned(lease))
        .map(s -> s.last(lease))
        .max(Instant::compareTo);
  }

  /** A majority of seats has renewed it within this time: its group lives. */
  boolean isRenewed(Lease lease, Duration limit, Instant now) {
    return seats.stream()
            .flatMap(s -> s.of(lease).stream())
            .filter(granted -> Duration.between(granted.at(), now).compareTo(limit) < 0)
            .count()
        >= majority;
  }
}
