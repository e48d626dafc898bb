package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.FailureCause;
import io.lockstep.protocol.model.GroupActivity;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Suspects a gang that stands still, has its stacks taken, and then ends the attempt or lets it go
 * on. It keeps nothing: what it judges by are ages that the shims measure, so a coordinator that is
 * new, or was away, neither accuses too early nor forgets.
 */
final class HangWatch {
  /** What taking stacks may take, all nodes together; longer than the shims' own limit. */
  static final Duration STACKS_LIMIT = Duration.ofSeconds(20);

  /** A gang whose stacks change is left alone until it stood still for so many deadlines. */
  static final int MOST_DEADLINES = 4;

  /** Stacks in the cause, in characters. */
  private static final int MAX_STACK_CHARACTERS = 6_000;

  private HangWatch() {}

  /** What the groups of the attempt under way did lately: all that are not finished, or nothing. */
  static void onActivity(Deciding d, Job job, GangActivity seen) {
    if (job.phase() != JobPhase.RUNNING || seen.isEmpty()) {
      return;
    }
    AttemptState attempt = job.current().orElseThrow();
    boolean complete =
        attempt.table().nodes().stream()
            .filter(n -> !attempt.finished().contains(n))
            .allMatch(n -> seen.groups().containsKey(n));
    if (attempt.faltered().isPresent() || !complete) {
      return; // whose turn it is to speak is known already, or not all have
    }
    Stragglers.note(d, attempt, seen);
    Optional<HangRule.Limit> limit = HangRule.limit(job, seen);
    Duration still = HangRule.stillFor(job, seen);
    boolean late = limit.filter(l -> still.compareTo(l.after()) >= 0).isPresent();
    Duration excusedFor = attempt.suspicion().map(Suspicion::excusedFor).orElse(Duration.ZERO);
    if (!late) {
      if (attempt.suspicion().isPresent()) {
        clear(d, attempt, seen);
      }
    } else if (attempt.suspicion().isPresent() && excusedFor.isZero()) {
      judge(d, job, attempt.suspicion().get(), limit.orElseThrow(), still, seen);
    } else if (still.compareTo(excusedFor) >= 0) {
      suspect(d, attempt, limit.orElseThrow(), still, seen);
    }
  }

  private static void suspect(
      Deciding d, AttemptState attempt, HangRule.Limit limit, Duration still, GangActivity seen) {
    Optional<StandingRank.Named> named = StandingRank.of(seen);
    var suspicion =
        new Suspicion(
            still,
            limit.toString(),
            seen.step(),
            named.map(n -> n.at().node()),
            named.map(n -> n.at().rank().rank()),
            d.now().plus(STACKS_LIMIT),
            Duration.ZERO,
            List.copyOf(seen.groups().keySet()));
    d.event(
        new ClusterEvent.AttemptSuspected(
            attempt.fence(),
            suspicion,
            d.now(),
            Reason.of(
                ReasonCode.STANDS_STILL,
                "no %s for %s%s, the limit is %s%s; takes stacks",
                limit.of(),
                seconds(still),
                at(seen),
                limit,
                named.map(n -> ": " + who(n)).orElse(""))));
    askForStacks(d, attempt, suspicion);
  }

  /** Repeated until there is a verdict: the wish may be lost. */
  static void askForStacks(Deciding d, AttemptState attempt, Suspicion suspicion) {
    suspicion
        .asked()
        .forEach(node -> d.action(new ClusterAction.TakeStacks(node, attempt.fence())));
  }

  private static void clear(Deciding d, AttemptState attempt, GangActivity seen) {
    d.event(
        new ClusterEvent.AttemptCleared(
            attempt.fence(),
            d.now(),
            Reason.of(ReasonCode.MOVES_AGAIN, "moves again%s", at(seen))));
  }

  private static void judge(
      Deciding d,
      Job job,
      Suspicion suspicion,
      HangRule.Limit limit,
      Duration still,
      GangActivity seen) {
    boolean allTaken = suspicion.asked().stream().allMatch(n -> hasFreshStacks(seen, n));
    if (!allTaken && suspicion.verdictBy().isAfter(d.now())) {
      askForStacks(d, job.current().orElseThrow(), suspicion);
      return;
    }
    Optional<GroupActivity.RankStack> moving = moving(seen);
    Duration most = job.spec().deadlines().noProgress().multipliedBy(MOST_DEADLINES);
    if (moving.isPresent() && still.compareTo(most) < 0) {
      excuse(d, job, suspicion, still.plus(limit.after()), moving.get());
    } else {
      hang(d, job, suspicion, still, seen);
    }
  }

  private static Optional<GroupActivity.RankStack> moving(GangActivity seen) {
    return seen.groups().values().stream()
        .flatMap(g -> g.stacks().stream())
        .filter(s -> s.ageMillis() < STACKS_LIMIT.toMillis()) // older ones say nothing of now
        .flatMap(s -> s.ranks().stream())
        .filter(GroupActivity.RankStack::moved)
        .findFirst();
  }

  /** Slow, and not hung: what a long evaluation without a bar looks like. */
  private static void excuse(
      Deciding d, Job job, Suspicion suspicion, Duration until, GroupActivity.RankStack moving) {
    d.event(
        new ClusterEvent.AttemptSuspected(
            job.current().orElseThrow().fence(),
            suspicion.excused(until),
            d.now(),
            Reason.of(
                ReasonCode.MOVES_AGAIN,
                "its stacks change (rank %d, now at %s): goes on, judged again after %s without a"
                    + " step",
                moving.rank(),
                moving.top(),
                seconds(until))));
  }

  private static boolean hasFreshStacks(GangActivity seen, NodeId node) {
    GroupActivity group = seen.groups().get(node);
    return group == null // it has finished
        || group.stacks().filter(s -> s.ageMillis() < STACKS_LIMIT.toMillis()).isPresent();
  }

  private static void hang(
      Deciding d, Job job, Suspicion suspicion, Duration still, GangActivity seen) {
    Optional<StandingRank.Named> named = StandingRank.of(seen);
    String message =
        "%s; no step for %s%s, the limit is %s"
            .formatted(
                named.map(HangWatch::who).orElse("no rank stands out: all wait alike"),
                seconds(still),
                at(seen),
                suspicion.limit());
    JobMachine.fail(
        d,
        job,
        new AttemptRecord.Cause(
            FailureCause.HANG,
            named.map(n -> n.at().node()),
            named.map(n -> n.at().rank().rank()),
            message,
            stacks(seen, named.map(n -> n.at().node())),
            false));
  }

  private static String who(StandingRank.Named named) {
    return "rank %d on %s stood still: %s"
        .formatted(named.at().rank().rank(), named.at().node(), named.why());
  }

  private static String at(GangActivity seen) {
    return seen.step() < 0 ? "" : " at step " + seen.step();
  }

  private static String seconds(Duration time) {
    return TimeText.of(Duration.ofSeconds(time.toSeconds()));
  }

  /** Those of the node that stood still last: of a long text the end is kept. */
  private static String stacks(GangActivity seen, Optional<NodeId> standing) {
    String text =
        seen.groups().entrySet().stream()
            .filter(e -> e.getValue().stacks().isPresent())
            .sorted(Comparator.comparing(e -> standing.equals(Optional.of(e.getKey()))))
            .map(
                e ->
                    "stacks on %s:%n%s"
                        .formatted(e.getKey(), e.getValue().stacks().orElseThrow().head()))
            .collect(Collectors.joining("\n"));
    return text.length() <= MAX_STACK_CHARACTERS
        ? text
        : text.substring(text.length() - MAX_STACK_CHARACTERS);
  }

  /** A checkpoint of its own is a sign that a script makes steps which it does not tell. */
  private static boolean hasSaved(Job job, AttemptRecord attempt) {
    long from = attempt.resumedFromStep().orElse(-1L);
    return job.lastCheckpoint().filter(c -> c.step() > from).isPresent();
  }

  /** A gang that runs and has not made a step in time, where the job says how long that may be. */
  static void firstStepDeadline(Deciding d, Job job) {
    Duration limit = job.spec().deadlines().firstStep();
    Optional<AttemptRecord> attempt =
        job.lastAttempt().filter(a -> a.firstStepAt().isEmpty() && !hasSaved(job, a));
    Optional<Instant> late =
        attempt
            .flatMap(AttemptRecord::runningAt)
            .map(since -> since.plus(limit))
            .filter(end -> !limit.isZero() && !end.isAfter(d.now()));
    if (job.phase() != JobPhase.RUNNING || late.isEmpty()) {
      return;
    }
    Attempt number = job.current().orElseThrow().fence().attempt();
    JobMachine.fail(
        d,
        job,
        new AttemptRecord.Cause(
            FailureCause.HANG,
            Optional.empty(),
            Optional.empty(),
            "attempt %s has made no step within deadlines.firstStep, %s"
                .formatted(number, TimeText.of(limit)),
            "",
            false));
  }

  /** Nobody listened for a while: stacks may still come. */
  static void beginAnew(Deciding d, AttemptState attempt, Reason why) {
    attempt
        .suspicion()
        .ifPresent(
            s ->
                d.event(
                    new ClusterEvent.AttemptSuspected(
                        attempt.fence(), s.until(d.now().plus(STACKS_LIMIT)), d.now(), why)));
  }
}
