package io.lockstep.coordinator.core;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * Whether a running gang moves, as it would be judged now.
 *
 * @param age since the last sign that counts
 * @param of which sign that is
 * @param limit how long it may be away; empty: for ever
 * @param from where the limit comes from
 * @param suspicion what is thought of it, while it is suspected to hang
 */
public record Motion(
    Duration age,
    String of,
    Optional<Duration> limit,
    String from,
    Optional<String> suspicion,
    List<Straggler> stragglers) {
  public Motion {
    stragglers = List.copyOf(stragglers);
  }

  /** Empty unless the job runs and its groups said something. */
  public static Optional<Motion> of(Job job, GangActivity seen) {
    if (job.phase() != JobPhase.RUNNING || seen.isEmpty()) {
      return Optional.empty();
    }
    Optional<HangRule.Limit> limit = HangRule.limit(job, seen);
    return Optional.of(
        new Motion(
            HangRule.stillFor(job, seen),
            limit.map(HangRule.Limit::of).orElse("step"),
            limit.map(HangRule.Limit::after),
            limit.map(HangRule.Limit::from).orElse("deadlines.noProgress is 0"),
            job.current().flatMap(AttemptState::suspicion).map(Motion::text),
            Stragglers.of(seen)));
  }

  private static String text(Suspicion s) {
    String rank =
        s.rank().map(r -> "rank %d on %s, ".formatted(r, s.node().orElseThrow())).orElse("");
    return s.excusedFor().isZero()
        ? "%sstacks are being taken".formatted(rank)
        : "its stacks change; judged again after %s".formatted(TimeText.of(s.excusedFor()));
  }
}
