package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.FailureCause;
import io.lockstep.protocol.model.FailureClass;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Gives a job up that runs again and again and never comes further. */
final class NoProgressPolicy {
  /** Attempts in a row without a newer step or checkpoint. */
  static final int MAX_ATTEMPTS = 5;

  /** Of those, attempts that hung: each has cost its whole deadline. NVRx stops after as many. */
  static final int MAX_HANGS = 3;

  /** Ends that say something about the training itself, and not about a host or the network. */
  private static final Set<FailureCause> ITS_OWN =
      Set.of(
          FailureCause.HANG,
          FailureCause.WORKER_FAILED,
          FailureCause.WORKER_KILLED,
          FailureCause.TORCHRUN_FAILED);

  /** Not the training's: restarted as long as the budget lasts. */
  private static final Set<FailureClass> OF_THE_WORLD =
      Set.of(FailureClass.STORAGE, FailureClass.NETWORK, FailureClass.HARDWARE);

  private NoProgressPolicy() {}

  /** Why the job is to end now, if it is. Attempts that failed by something else do not count. */
  static Optional<Reason> giveUp(Job job, AttemptRecord.Cause cause, Instant now) {
    if (!isItsOwn(cause)) {
      return Optional.empty();
    }
    List<AttemptRecord> all = job.attempts();
    int inARow = 0;
    int hangs = 0;
    for (int i = all.size() - 1; i >= 0 && !cameFurther(job, i); i--) {
      boolean isLast = i == all.size() - 1;
      Optional<AttemptRecord.Cause> why = isLast ? Optional.of(cause) : all.get(i).cause();
      boolean hung = why.filter(c -> c.code() == FailureCause.HANG).isPresent();
      boolean counts = why.filter(NoProgressPolicy::isItsOwn).isPresent();
      if (counts && all.get(i).runningAt().isPresent() && (hung || !tellsNothing(job, i, now))) {
        inARow++;
        hangs += hung ? 1 : 0;
      }
    }
    if (inARow < MAX_ATTEMPTS && hangs < MAX_HANGS) {
      return Optional.empty();
    }
    return Optional.of(
        Reason.of(
            ReasonCode.NOTHING_TRAINED,
            "%d attempts in a row came to no newer step and no newer checkpoint (%d hung, %s); last"
                + " cause: %s",
            inARow,
            hangs,
            furthest(all, all.size())
                .map(step -> "the furthest step was " + step)
                .orElse("no step was seen at all"),
            cause.message()));
  }

  private static boolean isItsOwn(AttemptRecord.Cause cause) {
    return ITS_OWN.contains(cause.code())
        && !cause.peerLoss()
        && !OF_THE_WORLD.contains(cause.failureClass());
  }

  /** A script that says neither steps nor checkpoints and ran for long may have come far. */
  private static boolean tellsNothing(Job job, int index, Instant now) {
    AttemptRecord attempt = job.attempts().get(index);
    boolean isBlind =
        job.spec().checkpoint().format() == CheckpointFormat.NONE
            || (attempt.firstStepAt().isEmpty() && attempt.furthestStep().isEmpty());
    return isBlind && attempt.ranFor(RestartPolicy.TELLS_NO_STEPS, now);
  }

  private static boolean cameFurther(Job job, int index) {
    List<AttemptRecord> all = job.attempts();
    AttemptRecord attempt = all.get(index);
    if (attempt.runningAt().isEmpty()) {
      return false; // it never ran, so what the next one resumed from is older
    }
    Optional<Long> before = furthest(all, index);
    boolean newStep =
        attempt.furthestStep().filter(s -> s > before.orElse(Long.MIN_VALUE)).isPresent();
    Optional<Long> after =
        index == all.size() - 1
            ? job.lastCheckpoint().map(c -> c.step())
            : all.get(index + 1).resumedFromStep();
    long from = attempt.resumedFromStep().orElse(0L);
    return newStep || after.filter(step -> step > from).isPresent();
  }

  /** Of the attempts before this one. */
  private static Optional<Long> furthest(List<AttemptRecord> all, int end) {
    return all.subList(0, end).stream().flatMap(a -> a.furthestStep().stream()).max(Long::compare);
  }
}
