package io.lockstep.coordinator.core;

import static java.util.stream.Collectors.toMap;

import io.lockstep.coordinator.core.LeaseReport.Granted;
import io.lockstep.coordinator.core.LeaseReport.Said;
import java.time.Instant;
import java.util.Map;

/** Reports that say more than the seats did, for the mutations of the simulation. */
public final class LeaseDoor {
  private LeaseDoor() {}

  /** No seat has granted anything for long. */
  public static LeaseReport allOld(LeaseReport report) {
    return new LeaseReport(
        report.majority(),
        report.seats().stream()
            .map(s -> new Said(s.version(), s.heard(), Instant.EPOCH, returned(s)))
            .toList());
  }

  private static Map<Lease, Granted> returned(Said said) {
    return said.grants().entrySet().stream()
        .filter(e -> e.getValue().returned())
        .collect(toMap(Map.Entry::getKey, e -> new Granted(Instant.EPOCH, true, 1)));
  }

  /** Every seat knows every end. */
  public static LeaseReport allKnow(LeaseReport report) {
    return new LeaseReport(
        report.majority(),
        report.seats().stream()
            .map(s -> new Said(Long.MAX_VALUE, s.heard(), s.servingSince(), s.grants()))
            .toList());
  }
}
