package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.ConversionStatus;
import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.FailureCause;
import io.lockstep.protocol.model.FailureClass;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.RankTable;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Transitions of one job.
 *
 * <pre>
 * QUEUED    --placed-->                       PREPARING
 * PREPARING --all prepared, old groups over-> STARTING
 * STARTING  --all started-->                  RUNNING
 * RUNNING   --all exited 0-->                 SUCCEEDED
 * any       --failure, budget left-->         QUEUED, and in the same decision PREPARING if placed
 * any       --failure, budget spent-->        STOPPING --groups gone--> FAILED
 * any       --cancel-->                       STOPPING --groups gone--> CANCELED
 * any       --drain of its node-->            STOPPING --groups gone--> QUEUED
 * </pre>
 */
final class JobMachine {
  /** Time that a drained node's workers get between TERM and KILL. */
  static final Duration DRAIN_GRACE = Duration.ofSeconds(30);

  /** The agent ends a late conversion itself; this is for one that does not. */
  private static final Duration LATE = Duration.ofMinutes(1);

  /** Names of nodes in one sentence. */
  private static final int MAX_NAMES = 8;

  /** What the shim writes before a line of the kernel's log (hostsigns.py). */
  private static final String KERNEL = "kernel: ";

  private static final Set<ReasonCode> THE_JOBS_FAULT =
      Set.of(
          ReasonCode.SCRIPT_MISSING,
          ReasonCode.WORKDIR_MISSING,
          ReasonCode.PYTHON_MISSING,
          ReasonCode.PATH_MISSING,
          ReasonCode.CHECKPOINT_DIR_UNWRITABLE,
          ReasonCode.CONVERSION_FAILED,
          ReasonCode.ZERO_CONFIG_INVALID,
          ReasonCode.ZERO_AUTO_WITHOUT_HF,
          ReasonCode.NOT_ENOUGH_DEVICES);

  /** How long a conversion is not worth an event of its own. */
  private static final Duration CONVERSION_TOLD_AFTER = Duration.ofSeconds(30);

  private JobMachine() {}

  // placing

  /**
   * Places every queued job that fits, in the order of the waiting line; nobody takes what a job
   * ahead waits for.
   */
  static void placeQueued(Deciding d) {
    var line = new WaitingLine();
    for (JobId id : WaitingLine.order(d.state())) {
      Job job = d.job(id);
      if (job.phase() != JobPhase.QUEUED || job.held()) {
        continue; // one that could never run ended, and made room
      }
      if (job.isInBackoff(d.now())) {
        continue;
      }
      GangPlanner.Placement placement =
          GangPlanner.place(d.state(), job, d.now(), line.keptFrom(job));
      if (placement instanceof GangPlanner.Placement.Placed placed) {
        Optional<Reason> misfit = misfit(d, job, placed.table());
        if (misfit.isPresent()) {
          giveUp(d, job, misfit.get(), Exits.REFUSED, Optional.empty());
        } else {
          plan(d, job, placed);
        }
      } else if (placement instanceof GangPlanner.Placement.Unplaceable not) {
        waits(d, job, not.reason());
        line.waits(d.state(), job);
      }
    }
    keepSpares(d);
  }

  /** A lost spare is made up for from what is free, unless a job waits for nodes. */
  private static void keepSpares(Deciding d) {
    if (d.state().jobs().values().stream().anyMatch(JobMachine::looksForNodes)) {
      return;
    }
    List<JobId> placed =
        d.state().jobs().values().stream()
            .filter(j -> j.spec().spares() > 0 && mayNeedSpares(j.phase()))
            .map(Job::id)
            .toList();
    for (JobId id : placed) {
      Job job = d.job(id);
      AttemptState attempt = job.current().orElseThrow();
      List<NodeId> spares = GangPlanner.spares(d.state(), job, attempt.table(), d.now());
      if (!Set.copyOf(spares).equals(Set.copyOf(job.spares()))) {
        d.event(
            new ClusterEvent.SparesChanged(
                attempt.fence(),
                spares,
                d.now(),
                Reason.of(
                    ReasonCode.NODE_READY,
                    "%d of %d spares are there: %s, before %s",
                    spares.size(),
                    job.spec().spares(),
                    some(spares),
                    some(job.spares()))));
      }
    }
  }

  private static boolean looksForNodes(Job job) {
    return (job.phase() == JobPhase.QUEUED && !job.held())
        || job.ending().filter(e -> e == Ending.RESTART).isPresent();
  }

  private static boolean mayNeedSpares(JobPhase phase) {
    return switch (phase) {
      case PREPARING, STARTING, RUNNING -> true;
      case QUEUED, STOPPING, SUCCEEDED, FAILED, CANCELED -> false;
    };
  }

  /** With procsPerNode auto the world size, and so the batch, is known only now; it then stays. */
  private static Optional<Reason> misfit(Deciding d, Job job, RankTable table) {
    Optional<String> json = job.spec().zero().flatMap(z -> z.json());
    if (json.isEmpty() || job.attemptsMade() > 0) {
      return Optional.empty();
    }
    List<String> problems = d.zeroCheck().problems(json.get(), table.worldSize());
    return problems.isEmpty()
        ? Optional.empty()
        : Optional.of(
            Reason.of(
                ReasonCode.ZERO_CONFIG_INVALID,
                "with %d nodes of %d workers each: %s; change the configuration or procsPerNode",
                table.nnodes(),
                table.procsPerNode(),
                String.join("; ", problems)));
  }

  private static void waits(Deciding d, Job job, Reason reason) {
    if (!job.reason().equals(reason)) {
      d.event(new ClusterEvent.JobWaits(job.id(), d.now(), reason));
    }
  }

  private static void plan(Deciding d, Job job, GangPlanner.Placement.Placed placed) {
    var attempt = new Attempt(job.attemptsMade() + 1);
    var fence = new Fence(d.nextVersion(), job.id(), attempt);
    Map<NodeId, String> disks =
        placed.table().nodes().stream()
            .collect(Collectors.toMap(n -> n, n -> d.state().node(n).map(Node::disk).orElse("")));
    d.event(
        new ClusterEvent.AttemptPlanned(
            fence,
            placed.table(),
            disks,
            placed.spares(),
            d.now(),
            Reason.of(
                ReasonCode.PREPARING,
                "attempt %s on %s%s%s",
                attempt,
                some(placed.table().nodes()),
                placed.spares().isEmpty() ? "" : ", spare " + some(placed.spares()),
                placed.leftOut().isEmpty() ? "" : ", all with " + placed.leftOut())));
    Orders.give(d, d.job(job.id()));
  }

  /** The first few of many, for people. */
  private static String some(List<NodeId> nodes) {
    return nodes.size() <= MAX_NAMES
        ? nodes.toString()
        : nodes.subList(0, MAX_NAMES) + " and " + (nodes.size() - MAX_NAMES) + " more";
  }

  // going forward

  static void onPrepared(Deciding d, Job job, ClusterInput.NodePrepared prepared) {
    switch (job.phase()) {
      case PREPARING -> {
        if (isOfCurrent(job, prepared.fence(), prepared.node())
            && !prepared
                .said()
                .equals(job.current().orElseThrow().prepared().get(prepared.node()))) {
          d.event(
              new ClusterEvent.NodePrepared(
                  prepared.fence(),
                  prepared.node(),
                  prepared.said(),
                  d.now(),
                  Reason.of(
                      ReasonCode.PREPARING,
                      "%s is prepared%s",
                      prepared.node(),
                      prepared.said().warnings())));
          releaseIfReady(d, d.job(job.id()));
        }
      }
      case QUEUED, STARTING, RUNNING, STOPPING, SUCCEEDED, FAILED, CANCELED -> {}
    }
  }

  private static boolean isOfCurrent(Job job, Fence fence, NodeId node) {
    return job.isCurrent(fence) && job.current().orElseThrow().table().contains(node);
  }

  /** Start goes out when all are prepared and every older group is over (A21). */
  static void releaseIfReady(Deciding d, Job job) {
    if (job.phase() != JobPhase.PREPARING) {
      return;
    }
    AttemptState attempt = job.current().orElseThrow();
    if (attempt.prepared().size() < attempt.table().nnodes()) {
      return;
    }
    List<OpenGroup> older =
        job.open().stream().filter(g -> attempt.fence().supersedes(g.fence())).toList();
    if (!older.isEmpty()) {
      waits(
          d,
          job,
          Reason.of(
              ReasonCode.WAITING_FOR_OLD_GROUPS,
              "all are prepared; waits until attempt %s is over on %s",
              older.stream()
                  .map(OpenGroup::fence)
                  .min(Comparator.comparingLong(Fence::plan))
                  .orElseThrow()
                  .attempt(),
              some(older.stream().map(OpenGroup::node).distinct().toList())));
      return;
    }
    Agreement.Outcome outcome = Agreement.of(job, attempt);
    if (outcome instanceof Agreement.Outcome.Agreed agreed) {
      release(d, job, attempt, agreed);
    } else if (outcome instanceof Agreement.Outcome.Refused refused) {
      giveUp(d, job, refused.reason(), Exits.REFUSED, Optional.empty());
    } else if (outcome instanceof Agreement.Outcome.Convert convert) {
      orderConversion(d, job, attempt, convert.checkpoint());
    } else if (outcome instanceof Agreement.Outcome.NotYet notYet) {
      fail(
          d,
          job,
          AttemptRecord.Cause.of(FailureCause.PREPARE_REJECTED, notYet.node(), notYet.message()));
    }
  }

  /** One node converts; what it has made it says by being prepared anew. */
  private static void orderConversion(
      Deciding d, Job job, AttemptState attempt, CompleteCheckpoint checkpoint) {
    if (attempt.conversion().isEmpty()) {
      NodeId on = attempt.table().master().node();
      d.event(
          new ClusterEvent.ConversionOrdered(
              attempt.fence(),
              on,
              checkpoint,
              d.now(),
              Reason.of(
                  ReasonCode.CONVERTING,
                  "%s was written by %d ranks and the gang has %d: %s converts it, within %s",
                  checkpoint.path(),
                  checkpoint.worldSize(),
                  attempt.table().worldSize(),
                  on,
                  TimeText.of(convertLimit(job)))));
      Orders.convert(d, d.job(job.id()));
    } else if (isOver(attempt.conversion().get().since(), convertLimit(job).plus(LATE), d.now())) {
      giveUp(
          d,
          job,
          Reason.of(
              ReasonCode.CONVERSION_FAILED,
              "%s did not convert %s within %s (checkpoint.convert)",
              attempt.conversion().get().on(),
              checkpoint.path(),
              TimeText.of(convertLimit(job))),
          Exits.INFRASTRUCTURE,
          Optional.empty());
    }
  }

  /** Told first after a while, then whenever it has taken twice as long: 8 times in 2 hours. */
  static void conversionSeen(Deciding d, Job job, ConversionStatus status) {
    Optional<Conversion> conversion = job.current().flatMap(AttemptState::conversion);
    if (conversion.isEmpty()) {
      return;
    }
    Instant since = conversion.get().since();
    Duration told = Duration.between(since, lastTold(d, job, since));
    Duration due = told.isZero() ? CONVERSION_TOLD_AFTER : told.multipliedBy(2);
    Duration soFar = Duration.between(since, d.now());
    if (soFar.compareTo(due) >= 0) {
      waits(
          d,
          job,
          Reason.of(
              ReasonCode.CONVERTING,
              "%s converts %s: %s, after %s",
              conversion.get().on(),
              conversion.get().checkpoint().path(),
              status,
              TimeText.of(soFar.truncatedTo(ChronoUnit.SECONDS))));
    }
  }

  private static Instant lastTold(Deciding d, Job job, Instant since) {
    List<HistoryEntry> history = d.state().history();
    for (int i = history.size() - 1; i >= 0 && history.get(i).at().isAfter(since); i--) {
      HistoryEntry entry = history.get(i);
      if (entry.reason().code() == ReasonCode.CONVERTING
          && entry.job().filter(job.id()::equals).isPresent()) {
        return entry.at();
      }
    }
    return since;
  }

  private static Duration convertLimit(Job job) {
    return job.spec().checkpoint().convert().orElse(JobSpec.Checkpoint.CONVERT);
  }

  private static void release(
      Deciding d, Job job, AttemptState attempt, Agreement.Outcome.Agreed agreed) {
    NodeId first = attempt.table().master().node();
    Optional<Integer> port =
        Optional.ofNullable(attempt.prepared().get(first)).flatMap(PreparedNode::masterPort);
    if (port.isEmpty()) {
      fail(
          d,
          job,
          AttemptRecord.Cause.of(
              FailureCause.PREPARE_REJECTED, first, first + " named no master port"));
      return;
    }
    List<PassedOver> passedOver = PassedOver.of(attempt, agreed.resume());
    for (PassedOver one : passedOver) {
      d.event(
          new ClusterEvent.CheckpointPassedOver(
              attempt.fence(),
              one.on(),
              d.now(),
              Reason.of(ReasonCode.CHECKPOINT_INCOMPLETE, "%s", one.what())));
    }
    d.event(
        new ClusterEvent.AttemptReleased(
            attempt.fence(),
            port.get(),
            agreed.resume(),
            agreed.moveAside(),
            d.now(),
            Reason.of(
                ReasonCode.ALL_PREPARED,
                "all %d nodes are prepared; %s%s%s",
                attempt.table().nnodes(),
                agreed
                    .resume()
                    .map(c -> "going on from step " + c.step() + " (" + c.path() + ")")
                    .orElse("fresh start"),
                PassedOver.summary(passedOver) + keeps(job.spec().checkpoint()),
                changedSince(job, attempt))));
    Orders.give(d, d.job(job.id()));
  }

  private static String keeps(JobSpec.Checkpoint settings) {
    return settings.keep() == 0 || settings.dir().isEmpty()
        ? ""
        : "; keeps %d older ones in %s/lockstep-kept"
            .formatted(settings.keep(), settings.dir().get());
  }

  /** Not refused: it may be the fix. But a loss curve that jumps here is then no riddle. */
  private static String changedSince(Job job, AttemptState attempt) {
    List<String> changed =
        job.startedWith()
            .flatMap(before -> StartedWith.of(attempt).map(before::changedTo))
            .orElse(List.of());
    return changed.isEmpty()
        ? ""
        : "; WARNING: changed since the attempt before: " + String.join(", ", changed);
  }

  static void onStarted(Deciding d, Job job, ClusterInput.NodeStarted started) {
    switch (job.phase()) {
      case STARTING -> {
        if (isOfCurrent(job, started.fence(), started.node())
            && job.current().filter(a -> isNews(a, started.node())).isPresent()) {
          d.event(
              new ClusterEvent.NodeStarted(
                  started.fence(),
                  started.node(),
                  d.now(),
                  Reason.of(
                      ReasonCode.ALL_STARTED,
                      "%s has started%s",
                      started.node(),
                      started.how().map(how -> ", " + how).orElse(""))));
          runningIfAllStarted(d, d.job(job.id()));
        }
      }
      case QUEUED, PREPARING, RUNNING, STOPPING, SUCCEEDED, FAILED, CANCELED -> {}
    }
  }

  private static boolean isNews(AttemptState attempt, NodeId started) {
    return attempt.faltered().isEmpty() && !attempt.started().contains(started);
  }

  private static void runningIfAllStarted(Deciding d, Job job) {
    if (job.phase() != JobPhase.STARTING) {
      return;
    }
    AttemptState attempt = job.current().orElseThrow();
    boolean all =
        attempt.started().size() + attempt.finished().size() >= attempt.table().nnodes()
            && attempt.table().nodes().stream()
                .allMatch(n -> attempt.started().contains(n) || attempt.finished().contains(n));
    if (all) {
      d.event(
          new ClusterEvent.AttemptRunning(
              attempt.fence(),
              d.now(),
              Reason.of(ReasonCode.ALL_STARTED, "all %d nodes run", attempt.table().nnodes())));
    }
  }

  static void onExited(Deciding d, Job job, ClusterInput.NodeExited exited) {
    boolean isCurrent = isOfCurrent(job, exited.fence(), exited.node());
    boolean finished = exited.report().outcome() == ExitReport.Outcome.SUCCEEDED;
    switch (job.phase()) {
      case PREPARING -> {
        if (isCurrent) {
          neverStarted(d, job, exited);
        } else {
          oldGroupExited(d, job, exited);
        }
      }
      case STARTING, RUNNING -> {
        if (!isCurrent) {
          oldGroupExited(d, job, exited);
        } else if (finished) {
          nodeFinished(d, job, exited.node(), exited.report().treeGone());
        } else {
          groupFailed(d, job, exited);
        }
      }
      case STOPPING -> {
        if (isCurrent && finished) {
          finishedBeforeItsStop(d, job, exited.node());
        }
        oldGroupExited(d, d.job(job.id()), exited);
      }
      case QUEUED -> oldGroupExited(d, job, exited);
      case SUCCEEDED, FAILED, CANCELED -> {}
    }
  }

  /** A refusal that is remembered as an end: its reason is the refusal's. */
  private static void neverStarted(Deciding d, Job job, ClusterInput.NodeExited exited) {
    if (exited.report().treeGone()) {
      gone(d, job, exited.fence(), exited.node(), "it was never started");
    }
    Job after = d.job(job.id());
    Optional<Reason> refusal =
        exited.report().reason().filter(why -> why.code() != ReasonCode.FINISHING);
    if (refusal.isPresent()) {
      rejected(d, after, exited.node(), refusal.get());
    } else {
      fail(d, after, Causes.of(d.rules(), exited));
    }
  }

  private static void groupFailed(Deciding d, Job job, ClusterInput.NodeExited exited) {
    NodeId node = exited.node();
    if (exited.report().treeGone()) {
      gone(d, job, exited.fence(), node, "its process tree was seen to end");
    }
    AttemptRecord.Cause cause = Causes.of(d.rules(), exited);
    if (cause.peerLoss()) {
      falter(d, d.job(job.id()), node, cause);
    } else {
      fail(d, d.job(job.id()), cause);
    }
  }

  /**
   * The innocent report the loss of a peer first. Whose fault it was is said by another node within
   * moments, or by its silence: until then nothing is planned, counted or stopped.
   */
  private static void falter(Deciding d, Job job, NodeId node, AttemptRecord.Cause cause) {
    AttemptState attempt = job.current().orElseThrow();
    if (attempt.unreportedBut(node).findAny().isEmpty()) {
      attempt
          .faltered()
          .filter(f -> !f.exited().contains(node))
          .ifPresent(f -> lostAPeerToo(d, attempt, node, cause));
      Optional<Faltered> all = d.job(job.id()).current().flatMap(AttemptState::faltered);
      fail(d, d.job(job.id()), all.map(Faltered::cause).orElse(cause));
    } else if (attempt.faltered().isEmpty()) {
      d.event(
          new ClusterEvent.AttemptFaltered(
              attempt.fence(),
              cause,
              d.now().plus(d.suspectWait()),
              d.now(),
              Reason.of(
                  ReasonCode.WORKERS_FAILED,
                  "a group on %s lost a peer; waits to hear from %s",
                  node,
                  some(attempt.unreportedBut(node).toList()))));
    } else if (attempt.isUnreported(node)) {
      lostAPeerToo(d, attempt, node, cause);
    }
  }

  private static void lostAPeerToo(
      Deciding d, AttemptState attempt, NodeId node, AttemptRecord.Cause cause) {
    d.event(
        new ClusterEvent.NodeExited(
            attempt.fence(),
            node,
            Optional.of(cause),
            d.now(),
            Reason.of(ReasonCode.WORKERS_FAILED, "a group on %s lost a peer too", node)));
  }

  private static void nodeFinished(Deciding d, Job job, NodeId node, boolean treeGone) {
    AttemptState attempt = job.current().orElseThrow();
    if (!attempt.finished().contains(node)) {
      exitedZero(d, attempt, node);
      runningIfAllStarted(d, d.job(job.id()));
    }
    if (treeGone) {
      gone(d, d.job(job.id()), attempt.fence(), node, "its process tree was seen to end");
    }
    Job after = d.job(job.id());
    AttemptState now = after.current().orElseThrow();
    if (now.finished().size() == attempt.table().nnodes()) {
      succeed(d, after);
    } else if (now.faltered().isPresent() && now.unreportedBut(node).findAny().isEmpty()) {
      fail(d, after, now.faltered().get().cause());
    }
  }

  /** All groups had exited 0 before they heard of the move: the work is done. */
  private static void finishedBeforeItsStop(Deciding d, Job job, NodeId node) {
    AttemptState attempt = job.current().orElseThrow();
    if (job.ending().filter(e -> e == Ending.RESTART).isPresent()
        && !attempt.finished().contains(node)) {
      exitedZero(d, attempt, node);
      Job after = d.job(job.id());
      if (after.current().orElseThrow().finished().size() == attempt.table().nnodes()) {
        succeed(d, after);
      }
    }
  }

  private static void exitedZero(Deciding d, AttemptState attempt, NodeId node) {
    d.event(
        new ClusterEvent.NodeFinished(
            attempt.fence(),
            node,
            d.now(),
            Reason.of(ReasonCode.FINISHING, "the group on %s exited 0", node)));
  }

  /** Workers exit 0 and may leave processes behind: final, and the nodes free, without those. */
  private static void succeed(Deciding d, Job job) {
    Reason reason = Reason.of(ReasonCode.SUCCEEDED, "all workers exited 0");
    if (job.open().isEmpty()) {
      ended(d, job, JobPhase.SUCCEEDED, Exits.DONE, reason);
    } else {
      stopAll(
          d, job, Ending.SUCCEED, Duration.ZERO, Optional.empty(), Optional.of(Exits.DONE), reason);
    }
  }

  private static void oldGroupExited(Deciding d, Job job, ClusterInput.NodeExited exited) {
    refineCause(d, job, exited);
    if (exited.report().treeGone()) {
      gone(d, job, exited.fence(), exited.node(), "its process tree was seen to end");
      settle(d, d.job(job.id()));
    }
  }

  /**
   * A late report may know the root: where the attempt failed by the loss of a peer, or by what
   * came after this. Else it is one of those that followed.
   */
  private static void refineCause(Deciding d, Job job, ClusterInput.NodeExited exited) {
    ExitReport report = exited.report();
    boolean byItself =
        report.outcome() == ExitReport.Outcome.FAILED
            || (report.outcome() == ExitReport.Outcome.SHIM_LOST && report.treeGone());
    AttemptRecord.Cause cause = Causes.of(d.rules(), exited);
    Optional<AttemptRecord> attempt =
        job.attempts().stream()
            .filter(a -> a.fence().equals(exited.fence()) && a.cause().isPresent())
            .findFirst();
    if (!byItself || attempt.isEmpty()) {
      return;
    }
    AttemptRecord.Cause root = attempt.get().cause().orElseThrow();
    boolean isRoot =
        !cause.peerLoss()
            && (root.peerLoss() || (saidByAWorker(root) && Causes.isEarlier(cause, root)));
    if (isRoot) {
      refine(d, exited.fence(), cause);
    } else if (isNewFollower(job, attempt.get(), exited, root)) {
      d.event(
          new ClusterEvent.FailureFollowed(
              exited.fence(),
              exited.node(),
              cause,
              d.now(),
              Reason.of(
                  ReasonCode.WORKERS_FAILED,
                  "%s failed too, after %s",
                  exited.node(),
                  root.node().map(NodeId::value).orElse("the root"))));
    }
  }

  private static boolean saidByAWorker(AttemptRecord.Cause root) {
    return root.code() == FailureCause.WORKER_FAILED || root.code() == FailureCause.WORKER_KILLED;
  }

  /** A report may come twice; of those beyond the first few only the open group tells. */
  private static boolean isNewFollower(
      Job job, AttemptRecord attempt, ClusterInput.NodeExited exited, AttemptRecord.Cause root) {
    Aftermath known = attempt.aftermath().orElse(Aftermath.NOTHING);
    return exited.report().firstFailure().isPresent()
        && !root.node().equals(Optional.of(exited.node()))
        && !known.has(exited.node())
        && (known.first().size() < Aftermath.MAX_FOLLOWED
            || job.openOn(exited.node(), exited.fence()).isPresent());
  }

  private static Optional<AttemptRecord> lostItsPeer(Job job, Fence fence) {
    return job.attempts().stream()
        .filter(a -> a.fence().equals(fence))
        .filter(a -> a.cause().filter(AttemptRecord.Cause::peerLoss).isPresent())
        .findFirst();
  }

  private static void refine(Deciding d, Fence fence, AttemptRecord.Cause said) {
    AttemptRecord.Cause cause = Diagnosing.of(said);
    excludeBroken(d, d.job(fence.job()), cause);
    d.event(
        new ClusterEvent.CauseRefined(
            fence,
            cause,
            d.now(),
            Reason.of(ReasonCode.WORKERS_FAILED, "root cause: %s", cause.message())));
  }

  private static void gone(Deciding d, Job job, Fence fence, NodeId node, String how) {
    if (job.openOn(node, fence).isPresent()) {
      d.event(
          new ClusterEvent.GroupGone(
              fence,
              node,
              d.now(),
              Reason.of(
                  ReasonCode.FINISHING,
                  "attempt %s is over on %s: %s",
                  fence.attempt(),
                  node,
                  how)));
    }
  }

  /** What may follow when a group is gone: the end of a stopping job, or a release. */
  static void settle(Deciding d, Job job) {
    if (job.phase() == JobPhase.STOPPING && job.open().isEmpty()) {
      switch (job.ending().orElse(Ending.FAIL)) {
        case CANCEL -> ended(d, job, JobPhase.CANCELED, Exits.CANCELED, job.reason());
        case FAIL ->
            ended(
                d, job, JobPhase.FAILED, job.exitCode().orElse(Exits.INFRASTRUCTURE), job.reason());
        case SUCCEED -> ended(d, job, JobPhase.SUCCEEDED, Exits.DONE, job.reason());
        case RESTART -> {
          d.event(
              new ClusterEvent.JobRequeued(
                  job.id(),
                  d.now(),
                  Reason.of(
                      ReasonCode.RESTARTING, "its nodes are free: %s", job.reason().message())));
          placeQueued(d);
        }
      }
    } else {
      releaseIfReady(d, job);
    }
  }

  private static void ended(Deciding d, Job job, JobPhase phase, int exitCode, Reason reason) {
    d.event(new ClusterEvent.JobEnded(job.id(), phase, exitCode, d.now(), reason));
    placeQueued(d);
  }

  // failing

  static void onRejected(Deciding d, Job job, ClusterInput.NodeRejected rejected) {
    switch (job.phase()) {
      case PREPARING -> {
        if (isOfCurrent(job, rejected.fence(), rejected.node())) {
          rejected(d, job, rejected.node(), rejected.why());
        }
      }
      case QUEUED, STARTING, RUNNING, STOPPING, SUCCEEDED, FAILED, CANCELED -> {}
    }
  }

  /**
   * What trained elsewhere is no mistake of the job's: then it is this node that lacks something.
   */
  private static void rejected(Deciding d, Job job, NodeId node, Reason why) {
    if (THE_JOBS_FAULT.contains(why.code()) && !job.ran()) {
      giveUp(d, job, why, Exits.REFUSED, Optional.empty());
      return;
    }
    FailureCause code =
        why.code() == ReasonCode.STALE ? FailureCause.ABANDONED : FailureCause.PREPARE_REJECTED;
    String message = code == FailureCause.ABANDONED ? why.message() : why.toString();
    fail(d, job, AttemptRecord.Cause.of(code, node, message));
  }

  /** The attempt is over; the policies say what follows, in the same decision. */
  static void fail(Deciding d, Job job, AttemptRecord.Cause said) {
    AttemptRecord.Cause cause = Diagnosing.of(said);
    fail(d, job, cause, RestartPolicy.after(job, cause, d.now()));
  }

  private static void fail(
      Deciding d, Job job, AttemptRecord.Cause said, RestartPolicy.Verdict verdict) {
    AttemptRecord.Cause cause = Diagnosing.of(said);
    excludeBroken(d, job, cause);
    if (verdict instanceof RestartPolicy.Verdict.GiveUp giveUp) {
      giveUp(d, job, giveUp.reason(), giveUp.exitCode(), Optional.of(cause));
    } else if (verdict instanceof RestartPolicy.Verdict.RestartAfter restart) {
      AttemptState attempt = job.current().orElseThrow();
      Optional<Instant> notBefore =
          restart.delay().isZero() ? Optional.empty() : Optional.of(d.now().plus(restart.delay()));
      d.event(
          new ClusterEvent.AttemptFailed(
              attempt.fence(),
              cause,
              restart.counted(),
              notBefore,
              d.now(),
              Reason.of(
                  ReasonCode.RESTARTING,
                  "attempt %s failed: %s%s",
                  attempt.fence().attempt(),
                  cause.message(),
                  restart.delay().isZero() ? "" : "; next in " + TimeText.of(restart.delay()))));
      placeQueued(d);
      Job failed = d.job(job.id());
      if (failed.phase() == JobPhase.QUEUED) {
        Orders.give(d, failed);
      }
    }
  }

  /** Broken hardware fails the next attempt too: its node is out until a person has looked. */
  private static void excludeBroken(Deciding d, Job job, AttemptRecord.Cause cause) {
    boolean hostSays =
        cause.diagnosis().map(Diagnosis::sign).filter(s -> s.startsWith(KERNEL)).isPresent();
    Optional<NodeId> broken =
        cause
            .node()
            .filter(n -> cause.failureClass() == FailureClass.HARDWARE)
            // words of a script that never worked may be about its own mistake, on every node
            .filter(n -> hostSays || job.hasTrained())
            .filter(n -> d.quarantine().losses() > 0)
            .filter(n -> d.state().node(n).filter(Node::isLikelyPlaceable).isPresent());
    broken.ifPresent(
        node ->
            d.event(
                new ClusterEvent.NodeQuarantineChanged(
                    node,
                    Optional.of(d.now().plus(QuarantinePolicy.BROKEN)),
                    d.now(),
                    Reason.of(
                        ReasonCode.QUARANTINED,
                        "its hardware failed (%s): %s; not placed for %s; lockstep resume %s puts"
                            + " it back",
                        cause.diagnosis().map(Diagnosis::rule).orElse(""),
                        cause
                            .diagnosis()
                            .map(Diagnosis::sign)
                            .filter(s -> !s.isEmpty())
                            .orElse(cause.message()),
                        TimeText.of(QuarantinePolicy.BROKEN),
                        node))));
  }

  private static void giveUp(
      Deciding d, Job job, Reason reason, int exitCode, Optional<AttemptRecord.Cause> cause) {
    stopAll(d, job, Ending.FAIL, Duration.ZERO, cause, Optional.of(exitCode), reason);
  }

  private static void stopAll(
      Deciding d,
      Job job,
      Ending ending,
      Duration grace,
      Optional<AttemptRecord.Cause> cause,
      Optional<Integer> exitCode,
      Reason reason) {
    stopAll(d, job, ending, grace, cause, exitCode, reason, Optional.empty());
  }

  private static void stopAll(
      Deciding d,
      Job job,
      Ending ending,
      Duration grace,
      Optional<AttemptRecord.Cause> cause,
      Optional<Integer> exitCode,
      Reason reason,
      Optional<Duration> saveWithin) {
    d.event(
        new ClusterEvent.JobStopping(
            job.id(),
            ending,
            grace,
            cause.map(Diagnosing::of),
            exitCode,
            d.now(),
            reason,
            saveWithin));
    Job stopping = d.job(job.id());
    Orders.give(d, stopping);
    settle(d, stopping);
  }

  /** What ends by itself goes on to; a second cancel may only shorten the grace. */
  static void cancel(Deciding d, Job job, Duration asked, boolean checkpoint) {
    boolean revoked = isRevoked(job);
    Optional<Duration> save = checkpoint && !revoked ? saveWithin(job) : Optional.empty();
    Duration afterTerm = revoked ? Duration.ZERO : asked;
    Duration grace = save.map(afterTerm::plus).orElse(afterTerm);
    boolean sooner = grace.compareTo(job.grace()) < 0;
    if (job.ending().filter(e -> e == Ending.CANCEL).isPresent() && !sooner) {
      return;
    }
    Reason reason =
        Reason.of(
            ReasonCode.CANCELED,
            "canceled by a user, grace %d s%s",
            afterTerm.toSeconds(),
            savesFirst(save));
    AttemptRecord.Cause cause =
        new AttemptRecord.Cause(
            FailureCause.CANCELED, Optional.empty(), Optional.empty(), reason.message(), "", false);
    stopAll(
        d,
        job,
        Ending.CANCEL,
        grace,
        Optional.of(cause),
        Optional.of(Exits.CANCELED),
        reason,
        save);
  }

  /** What is revoked is never leased again (A19): a grace that is over does not begin anew. */
  private static boolean isRevoked(Job job) {
    return job.phase() == JobPhase.STOPPING && job.leasedUntil().isEmpty();
  }

  /** A node of its gang is drained: it stops with grace and starts again elsewhere. */
  static void leave(Deciding d, Job job, NodeId node) {
    switch (job.phase()) {
      case PREPARING, STARTING, RUNNING -> {
        if (job.current().orElseThrow().finished().contains(node)) {
          return;
        }
        Optional<Duration> save = saveWithin(job);
        Reason reason =
            Reason.of(ReasonCode.NODE_DRAINED, "%s is drained%s", node, savesFirst(save));
        stopAll(
            d,
            job,
            Ending.RESTART,
            save.map(DRAIN_GRACE::plus).orElse(DRAIN_GRACE),
            Optional.of(AttemptRecord.Cause.of(FailureCause.NODE_DRAINED, node, reason.message())),
            Optional.empty(),
            reason,
            save);
      }
      case QUEUED, STOPPING, SUCCEEDED, FAILED, CANCELED -> {}
    }
  }

  /** What only runs can save; where nothing is to be resumed from, a save saves no step. */
  private static Optional<Duration> saveWithin(Job job) {
    JobSpec.Checkpoint settings = job.spec().checkpoint();
    Duration limit = settings.onStop().orElse(JobSpec.Checkpoint.ON_STOP);
    if (job.phase() == JobPhase.STOPPING && job.saveWithin().isPresent()) {
      return job.saveWithin(); // it is at it: asking again must not cut it off
    }
    boolean canSave = job.phase() == JobPhase.RUNNING && settings.dir().isPresent();
    return canSave && !limit.isZero() ? Optional.of(limit) : Optional.empty();
  }

  private static String savesFirst(Optional<Duration> save) {
    return save.map(t -> ", after a checkpoint within " + TimeText.of(t) + " if it has the helper")
        .orElse("");
  }

  /** A node is lost, and its gang fails. */
  static void nodeLost(Deciding d, Job job, NodeId node, Reason why) {
    Optional<AttemptRecord> missed = lastAttemptThatMissed(job, node);
    AttemptRecord.Cause cause =
        AttemptRecord.Cause.of(FailureCause.NODE_SILENT, node, why.message());
    missed.flatMap(a -> lostItsPeer(job, a.fence())).ifPresent(a -> refine(d, a.fence(), cause));
    Job doubted = d.job(job.id());
    boolean needed =
        doubted
            .current()
            .filter(a -> a.table().contains(node) && !a.finished().contains(node))
            .isPresent();
    switch (doubted.phase()) {
      case PREPARING -> {
        if (needed && missed.isPresent()) {
          fail(d, doubted, cause, new RestartPolicy.Verdict.RestartAfter(Duration.ZERO, false));
        } else if (needed) {
          fail(d, doubted, cause);
        }
      }
      case STARTING, RUNNING -> {
        if (needed) {
          fail(d, doubted, cause);
        }
      }
      case QUEUED, STOPPING, SUCCEEDED, FAILED, CANCELED -> {}
    }
  }

  /**
   * The attempt that failed by the loss of a node or a peer and never heard how it ended on this
   * node: then this node's loss is the same fault, and costs no more.
   */
  private static Optional<AttemptRecord> lastAttemptThatMissed(Job job, NodeId node) {
    return job.openOn(node).stream()
        .flatMap(g -> job.attempts().stream().filter(a -> a.fence().equals(g.fence())))
        .filter(
            a ->
                a.cause()
                    .filter(c -> c.peerLoss() || c.code() == FailureCause.NODE_SILENT)
                    .isPresent())
        .reduce((first, second) -> second);
  }

  /**
   * A restarted or returned agent says what it holds; what it should hold and does not, failed. It
   * proves no end: a memory may be another, or have closed a group whose processes still end. Nor
   * does another boot, since a Hello of one that is over may come when the group of the next one
   * trains, and nothing tells which of two boots is the later one. The agent itself knows the boot
   * of its groups and says so; where its memory is gone too, their leases run out.
   */
  static void compare(Deciding d, Job job, ClusterInput.NodeHello hello, Set<Fence> held) {
    NodeId node = hello.node();
    switch (job.phase()) {
      case PREPARING, STARTING, RUNNING -> {
        AttemptState attempt = job.current().orElseThrow();
        Optional<OpenGroup> group = job.openOn(node, attempt.fence());
        boolean expected = group.isPresent() && !attempt.finished().contains(node);
        if (!expected || held.contains(attempt.fence())) {
          return;
        }
        boolean forgot = !group.get().disk().equals(hello.disk());
        if (attempt.started().contains(node) || forgot) {
          fail(d, job, cameBackWithoutIt(attempt, node));
        }
      }
      case QUEUED, STOPPING, SUCCEEDED, FAILED, CANCELED -> {}
    }
  }

  private static AttemptRecord.Cause cameBackWithoutIt(AttemptState attempt, NodeId node) {
    return attempt.released()
        ? AttemptRecord.Cause.of(
            FailureCause.GROUP_GONE, node, node + " came back without its group")
        : AttemptRecord.Cause.of(
            FailureCause.ABANDONED, node, node + " lost its memory before anything was started");
  }

  // time

  static void onTick(Deciding d, JobId id) {
    Job job = d.job(id);
    switch (job.phase()) {
      case PREPARING -> prepareDeadline(d, job);
      case STARTING -> {
        if (!verdict(d, job)) {
          startDeadline(d, job);
        }
      }
      case RUNNING -> {
        if (!verdict(d, job)) {
          HangWatch.firstStepDeadline(d, job);
        }
      }
      case STOPPING -> revokeDeadline(d, job);
      case QUEUED, SUCCEEDED, FAILED, CANCELED -> {}
    }
    Orders.repeat(d, d.job(id));
  }

  /** False while the attempt does not falter. */
  private static boolean verdict(Deciding d, Job job) {
    AttemptState attempt = job.current().orElseThrow();
    if (attempt.faltered().isEmpty()) {
      return false;
    }
    Faltered faltered = attempt.faltered().get();
    if (faltered.verdictBy().isAfter(d.now())) {
      return true;
    }
    List<NodeId> suspects = attempt.unheard();
    for (NodeId node : suspects) {
      d.event(
          new ClusterEvent.NodeSuspected(
              node,
              d.now(),
              Reason.of(ReasonCode.NODE_SILENT, "not heard since its gang lost a peer")));
    }
    fail(
        d,
        d.job(job.id()),
        suspects.isEmpty() ? faltered.cause() : silence(suspects, faltered.cause()));
    return true;
  }

  /** What silence says; a late report may still know better. */
  private static AttemptRecord.Cause silence(List<NodeId> suspects, AttemptRecord.Cause first) {
    return new AttemptRecord.Cause(
        FailureCause.NODE_SILENT,
        Optional.of(suspects.get(0)),
        Optional.empty(),
        "not heard since the gang lost a peer: %s (%s)".formatted(some(suspects), first.message()),
        "",
        true);
  }

  // leases

  /** The silent node's workers renew their lease, and so train. */
  static boolean trainsOn(ClusterState state, ClusterInput.NodeSilent silent, Instant now) {
    return state
        .jobOn(silent.node())
        .flatMap(Job::current)
        .map(a -> new Lease(a.fence(), silent.node()))
        .filter(lease -> silent.leases().isRenewed(lease, Lease.SILENT_AFTER, now))
        .isPresent();
  }

  /** Its group ended by itself, and how it ended lies on the disk of the silent agent. */
  static boolean endIsUnread(ClusterState state, ClusterInput.NodeSilent silent, Instant now) {
    return state
        .jobOn(silent.node())
        .filter(job -> job.phase() == JobPhase.RUNNING)
        .flatMap(Job::current)
        .filter(a -> a.faltered().isEmpty() && !a.finished().contains(silent.node()))
        .flatMap(a -> silent.leases().returnedAfter(new Lease(a.fence(), silent.node())))
        .filter(lastGrant -> lastGrant.plus(Lease.END_UNREAD_LIMIT).isAfter(now))
        .isPresent();
  }

  static void onLeases(Deciding d, JobId id, LeaseReport leases) {
    Job job = d.job(id);
    if (countAsGone(d, job, leases)) {
      return; // what follows from it comes first
    }
    switch (job.phase()) {
      case STARTING, RUNNING -> failOnSilence(d, job, leases);
      case QUEUED, PREPARING, STOPPING, SUCCEEDED, FAILED, CANCELED -> {}
    }
  }

  /** Nobody saw these groups end, but what they ran under is over (A21). */
  private static boolean countAsGone(Deciding d, Job job, LeaseReport leases) {
    Duration wait = Lease.overAfter(job.spec().deadlines().lease());
    List<OpenGroup> over =
        job.open().stream()
            .filter(g -> nobodyWillProve(d.state(), g))
            .filter(
                g ->
                    g.revokedAt()
                        .flatMap(version -> leases.lastRenewal(g.lease(), version))
                        .filter(at -> !at.plus(wait).isAfter(d.now()))
                        .isPresent())
            .toList();
    for (OpenGroup group : over) {
      gone(d, d.job(job.id()), group.fence(), group.node(), "its lease has run out");
    }
    if (!over.isEmpty()) {
      settle(d, d.job(job.id()));
    }
    return !over.isEmpty();
  }

  /** A node that is heard and remembers the group says itself when its processes are gone. */
  private static boolean nobodyWillProve(ClusterState state, OpenGroup group) {
    return state
        .node(group.node())
        .filter(n -> !n.lost() && !n.suspect() && n.disk().equals(group.disk()))
        .isEmpty();
  }

  /** A23: the seats know it before the agent's silence tells. */
  private static void failOnSilence(Deciding d, Job job, LeaseReport leases) {
    AttemptState attempt = job.current().orElseThrow();
    List<NodeId> silent =
        attempt.table().nodes().stream()
            .filter(n -> !attempt.finished().contains(n))
            .filter(n -> attempt.faltered().filter(f -> f.exited().contains(n)).isEmpty())
            .filter(n -> leases.isSilent(new Lease(attempt.fence(), n), Lease.SILENT_AFTER))
            .toList();
    if (silent.isEmpty()) {
      return;
    }
    Reason why =
        Reason.of(
            ReasonCode.NODE_SILENT,
            "a majority of seats has not been asked for its lease for %d s",
            Lease.SILENT_AFTER.toSeconds());
    silent.forEach(n -> d.event(new ClusterEvent.NodeSuspected(n, d.now(), why)));
    fail(
        d,
        d.job(job.id()),
        new AttemptRecord.Cause(
            FailureCause.NODE_SILENT,
            Optional.of(silent.get(0)),
            Optional.empty(),
            "%s: %s".formatted(some(silent), why.message()),
            "",
            true));
  }

  /** A grace is over at its end, and when nobody is left who could use it. */
  private static void revokeDeadline(Deciding d, Job job) {
    if (job.leasedUntil().isEmpty()) {
      return;
    }
    boolean late = !job.leasedUntil().get().isAfter(d.now());
    if (late || job.open().stream().allMatch(g -> nobodyWillProve(d.state(), g))) {
      d.event(
          new ClusterEvent.LeaseRevoked(
              job.id(),
              d.now(),
              Reason.of(
                  ReasonCode.FINISHING,
                  "%s: %s",
                  late ? "the grace is over" : "nobody is heard who could use the grace",
                  job.reason().message())));
    }
  }

  private static void prepareDeadline(Deciding d, Job job) {
    AttemptState attempt = job.current().orElseThrow();
    Duration limit = job.spec().deadlines().prepare();
    Optional<NodeId> missing =
        attempt.table().nodes().stream()
            .filter(n -> !attempt.prepared().containsKey(n))
            .findFirst();
    if (missing.isPresent() && isOver(attempt.since(), limit, d.now())) {
      fail(
          d,
          job,
          AttemptRecord.Cause.of(
              FailureCause.PREPARE_TIMEOUT,
              missing.get(),
              "%s was not prepared within %d s".formatted(missing.get(), limit.toSeconds())));
    } else {
      releaseIfReady(d, job);
    }
  }

  private static void startDeadline(Deciding d, Job job) {
    AttemptState attempt = job.current().orElseThrow();
    Duration limit = job.spec().deadlines().start();
    Optional<NodeId> missing =
        attempt.table().nodes().stream()
            .filter(n -> !attempt.started().contains(n) && !attempt.finished().contains(n))
            .findFirst();
    if (missing.isPresent() && isOver(attempt.since(), limit, d.now())) {
      fail(
          d,
          job,
          AttemptRecord.Cause.of(
              FailureCause.START_TIMEOUT,
              missing.get(),
              "%s did not start within %d s".formatted(missing.get(), limit.toSeconds())));
    }
  }

  /** The wait for nodes has an end where the job says so; why it was long stands in the reason. */
  static void placeDeadline(Deciding d, JobId id) {
    Optional<Job> late =
        d.state()
            .job(id)
            .filter(j -> j.phase() == JobPhase.QUEUED)
            .filter(j -> j.waitsSince().filter(t -> isOver(t, placeLimit(j), d.now())).isPresent());
    late.ifPresent(
        job ->
            giveUp(
                d,
                job,
                Reason.of(
                    ReasonCode.PLACE_TIMEOUT,
                    "could not be placed within %d s: %s",
                    placeLimit(job).toSeconds(),
                    job.reason().message()),
                Exits.INFRASTRUCTURE,
                Optional.empty()));
  }

  private static Duration placeLimit(Job job) {
    return job.spec().deadlines().place().orElse(Duration.ZERO);
  }

  private static boolean isOver(Instant since, Duration limit, Instant now) {
    return !limit.isZero() && !since.plus(limit).isAfter(now);
  }

  /** A13: what a new coordinator does not find released is abandoned; what is goes on. */
  static void onTookOver(Deciding d, Job job) {
    switch (job.phase()) {
      case PREPARING -> {
        NodeId any = job.current().orElseThrow().table().master().node();
        fail(
            d,
            job,
            AttemptRecord.Cause.of(
                FailureCause.ABANDONED, any, "a new coordinator took over before the release"));
      }
      case STARTING, RUNNING ->
          beginDeadlinesAnew(
              d,
              job,
              "a new coordinator goes on with attempt "
                  + job.current().orElseThrow().fence().attempt());
      case QUEUED, STOPPING, SUCCEEDED, FAILED, CANCELED -> {}
    }
    Orders.give(d, d.job(job.id()));
  }

  static void onStoodStill(Deciding d, Job job, Duration time) {
    switch (job.phase()) {
      case PREPARING, STARTING, RUNNING ->
          beginDeadlinesAnew(
              d, job, "the coordinator stood still for " + time.toSeconds() + " s: nobody is late");
      case QUEUED, STOPPING, SUCCEEDED, FAILED, CANCELED -> {}
    }
  }

  /** Nobody listened for a while, so nobody is late. */
  private static void beginDeadlinesAnew(Deciding d, Job job, String why) {
    AttemptState attempt = job.current().orElseThrow();
    Reason reason = Reason.of(ReasonCode.NOTHING_TO_DO, "%s", why);
    HangWatch.beginAnew(d, attempt, reason);
    if (attempt.faltered().isPresent()) {
      d.event(
          new ClusterEvent.AttemptFaltered(
              attempt.fence(),
              attempt.faltered().get().cause(),
              d.now().plus(d.suspectWait()),
              d.now(),
              reason));
    } else if (job.phase() != JobPhase.RUNNING) {
      d.event(new ClusterEvent.AttemptTakenOver(attempt.fence(), d.now(), reason));
    }
  }
}
