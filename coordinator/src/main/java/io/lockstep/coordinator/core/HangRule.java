package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.JobSpec;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * How long a gang may stand still before it is suspected to hang.
 *
 * <p>Before the first step of an attempt CPU or I/O of any worker is life: tokenising may take
 * hours. From then on it is none, since a rank that waits for others in NCCL spins; there a step, a
 * bar that moves, a loss or a file being written is. After the last step it is life again: no rank
 * needs another one for what is left.
 *
 * <p>The longest pause so far tells how long the next may be. It tells little before there were
 * some, before a checkpoint was saved and before an evaluation was over, nor where the end of
 * training cannot be seen coming: then only deadlines.noProgress counts, which is also the most
 * that is ever learned.
 */
final class HangRule {
  /** Pauses between steps from which something is learned. */
  static final int MIN_GAPS = 10;

  private static final Set<String> NO = Set.of("no", "none", "false", "0", "off");

  private HangRule() {}

  /**
   * A limit and where it comes from.
   *
   * @param after longest time that may pass
   * @param of what may not be away for so long: "step" or "sign of life"
   * @param from what it was learned from, for people
   */
  record Limit(Duration after, String of, String from) {
    @Override
    public String toString() {
      return TimeText.of(after) + " (" + from + ")";
    }
  }

  /** Empty where the job has no deadline. */
  static Optional<Limit> limit(Job job, GangActivity seen) {
    Duration most = job.spec().deadlines().noProgress();
    if (most.isZero()) {
      return Optional.empty();
    }
    if (!hasStepped(job, seen)) {
      return Optional.of(
          new Limit(most, "CPU or I/O", "deadlines.noProgress; no step of this attempt yet"));
    }
    return Optional.of(
        isPastTheLastStep(seen)
            ? new Limit(most, "CPU or I/O", "deadlines.noProgress; the last step is done")
            : learned(job, seen, most));
  }

  private static Limit learned(Job job, GangActivity seen, Duration most) {
    Optional<String> unknown = unknown(job, seen);
    if (unknown.isPresent()) {
      return new Limit(most, "step", "deadlines.noProgress; " + unknown.get());
    }
    JobSpec.ProgressRules rules = job.spec().progressRules();
    Duration gap = seen.longestGap();
    Duration learned = max(gap.multipliedBy(rules.factor()), rules.floor());
    if (learned.compareTo(most) >= 0) {
      return new Limit(
          most,
          "step",
          "deadlines.noProgress; the longest of %d pauses between steps was %s"
              .formatted(seen.gaps(), TimeText.of(gap)));
    }
    return new Limit(
        learned,
        "step",
        "learned: the longest of %d pauses between steps was %s; %d times that, at least %s"
            .formatted(seen.gaps(), TimeText.of(gap), rules.factor(), TimeText.of(rules.floor())));
  }

  /** What has not been seen yet and may take longer than all that was. */
  private static Optional<String> unknown(Job job, GangActivity seen) {
    if (seen.gaps() < MIN_GAPS) {
      return Optional.of("only %d pauses between steps were seen".formatted(seen.gaps()));
    }
    if (seen.totalSteps() == 0 && job.spec().progress().isEmpty()) {
      return Optional.of("its output names no total of steps, so no last step is known");
    }
    boolean saves = job.spec().checkpoint().format() != CheckpointFormat.NONE;
    if (saves && job.lastCheckpoint().equals(job.current().flatMap(AttemptState::resume))) {
      return Optional.of("this attempt has saved no checkpoint yet");
    }
    if (evaluates(job.spec().args()) && !seen.sawEval()) {
      return Optional.of("this attempt has shown no evaluation yet");
    }
    return Optional.empty();
  }

  /** Whether an argument of the script asks for evaluation, as HF's and most others name it. */
  static boolean evaluates(List<String> args) {
    for (int i = 0; i < args.size(); i++) {
      String arg = args.get(i).toLowerCase(Locale.ROOT);
      int equals = arg.indexOf('=');
      String name = equals < 0 ? arg : arg.substring(0, equals);
      boolean asks =
          name.startsWith("-")
              && (name.contains("eval") || name.contains("valid") || name.contains("val_"));
      String value =
          equals >= 0 ? arg.substring(equals + 1) : i + 1 < args.size() ? args.get(i + 1) : "";
      if (asks && !NO.contains(value.toLowerCase(Locale.ROOT))) {
        return true;
      }
    }
    return false;
  }

  /** Both: what the shims do not see they cannot miss. */
  private static boolean hasStepped(Job job, GangActivity seen) {
    return seen.step() >= 0
        && job.lastAttempt().filter(a -> a.firstStepAt().isPresent()).isPresent();
  }

  private static boolean isPastTheLastStep(GangActivity seen) {
    return seen.totalSteps() > 0 && seen.step() >= seen.totalSteps();
  }

  /** Since the last sign that counts in this part of training. */
  static Duration stillFor(Job job, GangActivity seen) {
    // a bar that begins anew with each epoch is at its end too: life alone does not last for ever
    Duration atTheEnd = job.spec().deadlines().noProgress().multipliedBy(HangWatch.MOST_DEADLINES);
    boolean isAtTheEnd = isPastTheLastStep(seen) && seen.stillFor().compareTo(atTheEnd) < 0;
    boolean anyLifeCounts = !hasStepped(job, seen) || isAtTheEnd;
    return anyLifeCounts && seen.idleFor().compareTo(seen.stillFor()) < 0
        ? seen.idleFor()
        : seen.stillFor();
  }

  private static Duration max(Duration one, Duration other) {
    return one.compareTo(other) >= 0 ? one : other;
  }
}
