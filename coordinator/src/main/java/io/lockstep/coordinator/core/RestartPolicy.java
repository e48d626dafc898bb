package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.FailureCause;
import io.lockstep.protocol.model.FailureClass;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/** Decides after a failure: restart, when, and whether it costs budget; or give up. */
final class RestartPolicy {
  /** What follows a backoff of zero. */
  private static final Duration FIRST_STEP = Duration.ofSeconds(1);

  /**
   * A script that ran so long without a step that was seen does not tell its steps; that it made
   * none is then not known.
   */
  static final Duration TELLS_NO_STEPS = Duration.ofMinutes(10);

  /** What the script, its data or its settings did, and will do again. */
  private static final Set<FailureClass> OF_THE_JOB =
      EnumSet.of(FailureClass.USER_CODE, FailureClass.CONFIGURATION);

  /** What may be over by the next attempt, whatever the script said about it. */
  private static final Set<FailureClass> OF_THE_WORLD =
      EnumSet.of(
          FailureClass.HARDWARE,
          FailureClass.NETWORK,
          FailureClass.STORAGE,
          FailureClass.PREEMPTED,
          FailureClass.HANG);

  private static final Pattern RANK = Pattern.compile("rank \\d+");

  /** A word with a digit in it; exit codes are no chance. */
  private static final Pattern CHANCE = Pattern.compile("(?<!\\S)(?<!code )\\S*\\d\\S*");

  private RestartPolicy() {}

  /** What follows a failed attempt. */
  sealed interface Verdict {
    /** Go on, not before {@code delay} is over. */
    record RestartAfter(Duration delay, boolean counted) implements Verdict {}

    /** End the job. */
    record GiveUp(Reason reason, int exitCode) implements Verdict {}
  }

  static Verdict after(Job job, AttemptRecord.Cause cause, Instant now) {
    JobSpec.Restart budget = job.spec().restart();
    if (!cause.code().isCounted()) {
      return new Verdict.RestartAfter(backoff(budget, uncountedInARow(job)), false);
    }
    if (cause.failureClass() == FailureClass.PREEMPTED
        && steppedInLast(job, cause)
        && NoProgressPolicy.giveUp(job, cause, now).isEmpty()) {
      // free of charge only with a step made: without, it would be a storm that nothing ends
      return new Verdict.RestartAfter(backoff(budget, uncountedInARow(job)), false);
    }
    if (failedBeforeAnyStep(job, cause, now)) {
      return new Verdict.GiveUp(
          Reason.of(
              ReasonCode.SCRIPT_FAILED,
              "the job failed by itself (%s) before it ever made a step, and would again: %s",
              cause.failureClass(),
              cause.message()),
          Exits.SCRIPT_FAILED);
    }
    if (isTheScriptsOwn(job, cause)) {
      return new Verdict.GiveUp(
          Reason.of(
              ReasonCode.SCRIPT_FAILED,
              "the script failed twice in the same way without getting further: %s",
              cause.message()),
          Exits.SCRIPT_FAILED);
    }
    Instant oldest = now.minus(budget.window());
    List<Instant> inWindow = job.countedAt().stream().filter(t -> !t.isBefore(oldest)).toList();
    if (inWindow.size() >= budget.max()) {
      return new Verdict.GiveUp(
          spent(budget, cause),
          cause.code() == FailureCause.WORKER_FAILED && !cause.peerLoss() && budget.max() == 0
              ? Exits.SCRIPT_FAILED
              : Exits.BUDGET_SPENT);
    }
    Optional<Reason> still = NoProgressPolicy.giveUp(job, cause, now);
    if (still.isPresent()) {
      return new Verdict.GiveUp(still.get(), Exits.NO_PROGRESS);
    }
    return new Verdict.RestartAfter(backoff(budget, inWindow.size()), true);
  }

  private static Reason spent(JobSpec.Restart budget, AttemptRecord.Cause cause) {
    return budget.max() == 0
        ? Reason.of(
            ReasonCode.RESTART_BUDGET_SPENT,
            "the job allows no restart (restart.max: 0); cause: %s",
            cause.message())
        : Reason.of(
            ReasonCode.RESTART_BUDGET_SPENT,
            "%d counted restarts within %s are spent; last cause: %s",
            budget.max(),
            TimeText.of(budget.window()),
            cause.message());
  }

  private static boolean steppedInLast(Job job, AttemptRecord.Cause cause) {
    return job.lastAttempt()
        .filter(a -> a.firstStepAt().isPresent() || a.steppedBy(cause))
        .isPresent();
  }

  /** What never worked is no hiccup: pytorch/pytorch#60910. */
  private static boolean failedBeforeAnyStep(Job job, AttemptRecord.Cause cause, Instant now) {
    boolean byItself =
        cause.code() == FailureCause.WORKER_FAILED || cause.code() == FailureCause.TORCHRUN_FAILED;
    boolean mayHaveTrained =
        job.attempts().stream().anyMatch(attempt -> attempt.ranFor(TELLS_NO_STEPS, now));
    return byItself
        && !cause.peerLoss()
        && OF_THE_JOB.contains(cause.failureClass())
        && !job.hasTrained()
        && !job.lastAttempt().filter(a -> a.steppedBy(cause)).isPresent()
        && !mayHaveTrained;
  }

  /** An exception that comes again at once is the user's: restarting it would be a storm. */
  private static boolean isTheScriptsOwn(Job job, AttemptRecord.Cause cause) {
    if (cause.code() != FailureCause.WORKER_FAILED
        || cause.peerLoss()
        || OF_THE_WORLD.contains(cause.failureClass())) {
      return false;
    }
    int last = job.attempts().size() - 1;
    if (last < 1) {
      return false;
    }
    AttemptRecord before = job.attempts().get(last - 1);
    AttemptRecord failed = job.attempts().get(last);
    Optional<Long> newest = job.lastCheckpoint().map(c -> c.step());
    boolean untrained = before.firstStepAt().isEmpty() && failed.firstStepAt().isEmpty();
    boolean noFurther = failed.resumedFromStep().equals(newest);
    return before
        .cause()
        .filter(
            c ->
                (noFurther && sameFailure(c, cause, untrained))
                    || (sameStep(c, cause) && sameFailure(c, cause, true)))
        .isPresent();
  }

  /** Both failed right after the same step, whatever checkpoints there are in between. */
  private static boolean sameStep(AttemptRecord.Cause one, AttemptRecord.Cause other) {
    Optional<Long> step = other.diagnosis().flatMap(Diagnosis::step);
    return step.isPresent() && step.equals(one.diagnosis().flatMap(Diagnosis::step));
  }

  /**
   * Which of the ranks that fail alike is the first is chance. So are process ids, addresses and
   * temporary names in the message, where no step was made that would tell two failures apart.
   */
  private static boolean sameFailure(
      AttemptRecord.Cause one, AttemptRecord.Cause other, boolean untrained) {
    return one.code() == other.code() && said(one, untrained).equals(said(other, untrained));
  }

  /** The same error, which many ranks may meet at once. */
  static boolean isAlike(AttemptRecord.Cause one, AttemptRecord.Cause other) {
    return sameFailure(one, other, true);
  }

  private static String said(AttemptRecord.Cause cause, boolean untrained) {
    String withoutRank = RANK.matcher(cause.message()).replaceFirst("rank");
    return untrained ? CHANCE.matcher(withoutRank).replaceAll("#") : withoutRank;
  }

  /** What costs no budget must not spin either. */
  private static int uncountedInARow(Job job) {
    int last = job.attempts().size() - 2;
    int inARow = 0;
    while (last - inARow >= 0
        && job.attempts()
            .get(last - inARow)
            .cause()
            .filter(c -> !c.code().isCounted() || c.failureClass() == FailureClass.PREEMPTED)
            .filter(c -> c.code() != FailureCause.NODE_DRAINED)
            .isPresent()) {
      inARow++;
    }
    return inARow;
  }

  /** The first after {@code backoffInitial}, each further one after twice the time. */
  private static Duration backoff(JobSpec.Restart budget, int restartsBefore) {
    Duration delay = budget.backoffInitial();
    for (int i = 0; i < restartsBefore && delay.compareTo(budget.backoffMax()) < 0; i++) {
      delay = delay.isZero() ? FIRST_STEP : delay.multipliedBy(2);
    }
    return delay.compareTo(budget.backoffMax()) > 0 ? budget.backoffMax() : delay;
  }
}
