package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.FailureCause;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.time.Instant;
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

  private static final Set<ReasonCode> THE_JOBS_FAULT =
      Set.of(
          ReasonCode.SCRIPT_MISSING,
          ReasonCode.WORKDIR_MISSING,
          ReasonCode.PYTHON_MISSING,
          ReasonCode.PATH_MISSING,
          ReasonCode.CHECKPOINT_DIR_UNWRITABLE,
          ReasonCode.ZERO_CONFIG_INVALID,
          ReasonCode.ZERO_AUTO_WITHOUT_HF,
          ReasonCode.NOT_ENOUGH_DEVICES);

  private JobMachine() {}

  // placing

  /** Places every queued job that fits, restarts first, then by priority, then in order. */
  static void placeQueued(Deciding d) {
    List<JobId> queued =
        d.state().jobs().values().stream()
            .filter(j -> j.phase() == JobPhase.QUEUED)
            .sorted(
                Comparator.comparing((Job j) -> j.attemptsMade() == 0)
                    .thenComparing(j -> -j.spec().priority()))
            .map(Job::id)
            .toList();
    Optional<JobId> blocked = Optional.empty();
    for (JobId id : queued) {
      Job job = d.job(id);
      if (job.notBefore().filter(t -> t.isAfter(d.now())).isPresent()) {
        stopOpenGroups(d, job, Duration.ZERO, "the next attempt waits for its backoff");
        continue;
      }
      if (blocked.isPresent() && job.attemptsMade() == 0) {
        waits(d, job, Reason.of(ReasonCode.WAITING_FOR_NODES, "behind %s", blocked.get()));
        continue;
      }
      GangPlanner.Placement placement = GangPlanner.place(d.state(), job);
      if (placement instanceof GangPlanner.Placement.Placed placed) {
        plan(d, job, placed);
      } else if (placement instanceof GangPlanner.Placement.Unplaceable not) {
        waits(d, job, not.reason());
        stopOpenGroups(d, job, Duration.ZERO, "the next attempt waits for nodes");
        if (GangPlanner.couldFitSomeday(d.state(), job)) {
          blocked = Optional.of(id);
        }
      }
    }
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
                "attempt %s on %s%s",
                attempt,
                placed.table().nodes(),
                placed.spares().isEmpty() ? "" : ", spare " + placed.spares())));
    resend(d, d.job(job.id()));
  }

  // repeating what may have been lost

  /** Tells the nodes again what they have not answered yet. */
  static void resend(Deciding d, Job job) {
    switch (job.phase()) {
      case PREPARING -> {
        sendPrepare(d, job);
        stopStrangers(d, job);
      }
      case STARTING, RUNNING -> {
        sendStart(d, job);
        stopStrangers(d, job);
      }
      case STOPPING -> stopOpenGroups(d, job, job.grace(), job.reason().message());
      case QUEUED -> stopOpenGroups(d, job, Duration.ZERO, "the attempt has failed");
      case SUCCEEDED, FAILED, CANCELED -> {}
    }
  }

  private static void sendPrepare(Deciding d, Job job) {
    AttemptState attempt = job.current().orElseThrow();
    for (NodeId node : attempt.table().nodes()) {
      if (!attempt.prepared().containsKey(node)) {
        d.action(new ClusterAction.Prepare(launch(job, attempt, node)));
      }
    }
  }

  private static LaunchSpec launch(Job job, AttemptState attempt, NodeId node) {
    return new LaunchSpec(
        attempt.fence(),
        node,
        attempt.table().rankOf(node).orElseThrow(),
        attempt.table(),
        job.openOn(node, attempt.fence()).map(OpenGroup::disk).orElse(""),
        job.spec(),
        job.spec().zero().flatMap(z -> z.json()),
        causeBefore(job));
  }

  private static String causeBefore(Job job) {
    int last = job.attempts().size() - 2;
    return last < 0
        ? ""
        : job.attempts().get(last).cause().map(c -> c.code().name()).orElse("OPERATOR");
  }

  private static void sendStart(Deciding d, Job job) {
    AttemptState attempt = job.current().orElseThrow();
    for (NodeId node : attempt.table().nodes()) {
      if (!attempt.started().contains(node) && !attempt.finished().contains(node)) {
        d.action(
            new ClusterAction.Start(
                node,
                attempt.fence(),
                attempt.masterPort().orElseThrow(),
                attempt.resume(),
                attempt.moveAside()));
      }
    }
  }

  /** Ends groups of earlier attempts on nodes that are not in the gang any more. */
  private static void stopStrangers(Deciding d, Job job) {
    AttemptState attempt = job.current().orElseThrow();
    for (OpenGroup group : job.open()) {
      if (attempt.fence().supersedes(group.fence()) && !attempt.table().contains(group.node())) {
        stop(d, group, Duration.ZERO, "attempt " + attempt.fence().attempt() + " replaces it");
      }
    }
  }

  static void stopOpenGroups(Deciding d, Job job, Duration grace, String why) {
    job.open().forEach(group -> stop(d, group, grace, why));
  }

  private static void stop(Deciding d, OpenGroup group, Duration grace, String why) {
    d.action(new ClusterAction.Stop(group.node(), group.fence(), grace, group.disk(), why));
  }

  // going forward

  static void onPrepared(Deciding d, Job job, ClusterInput.NodePrepared prepared) {
    switch (job.phase()) {
      case PREPARING -> {
        if (job.isCurrent(prepared.fence())) {
          d.event(
              new ClusterEvent.NodePrepared(
                  prepared.fence(),
                  prepared.node(),
                  prepared.said(),
                  d.now(),
                  Reason.of(ReasonCode.PREPARING, "%s is prepared", prepared.node())));
          releaseIfReady(d, d.job(job.id()));
        }
      }
      case QUEUED, STARTING, RUNNING, STOPPING, SUCCEEDED, FAILED, CANCELED -> {}
    }
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
              older.get(0).fence().attempt(),
              older.stream().map(g -> g.node().value()).distinct().toList()));
      return;
    }
    Agreement.Outcome outcome = Agreement.of(job, attempt);
    if (outcome instanceof Agreement.Outcome.Agreed agreed) {
      release(d, job, attempt, agreed);
    } else if (outcome instanceof Agreement.Outcome.Refused refused) {
      giveUp(d, job, refused.reason(), Exits.REFUSED, Optional.empty());
    } else if (outcome instanceof Agreement.Outcome.NotYet notYet) {
      fail(
          d,
          job,
          AttemptRecord.Cause.of(FailureCause.PREPARE_REJECTED, notYet.node(), notYet.message()));
    }
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
    d.event(
        new ClusterEvent.AttemptReleased(
            attempt.fence(),
            port.get(),
            agreed.resume(),
            agreed.moveAside(),
            d.now(),
            Reason.of(
                ReasonCode.ALL_PREPARED,
                "all %d nodes are prepared; %s",
                attempt.table().nnodes(),
                agreed
                    .resume()
                    .map(c -> "going on from step " + c.step() + " (" + c.path() + ")")
                    .orElse("fresh start"))));
    resend(d, d.job(job.id()));
  }

  static void onStarted(Deciding d, Job job, ClusterInput.NodeStarted started) {
    switch (job.phase()) {
      case STARTING -> {
        if (job.isCurrent(started.fence())) {
          d.event(
              new ClusterEvent.NodeStarted(
                  started.fence(),
                  started.node(),
                  d.now(),
                  Reason.of(ReasonCode.ALL_STARTED, "%s has started", started.node())));
          runningIfAllStarted(d, d.job(job.id()));
        }
      }
      case QUEUED, PREPARING, RUNNING, STOPPING, SUCCEEDED, FAILED, CANCELED -> {}
    }
  }

  private static void runningIfAllStarted(Deciding d, Job job) {
    AttemptState attempt = job.current().orElseThrow();
    boolean all =
        attempt.table().nodes().stream()
            .allMatch(n -> attempt.started().contains(n) || attempt.finished().contains(n));
    if (all && job.phase() == JobPhase.STARTING) {
      d.event(
          new ClusterEvent.AttemptRunning(
              attempt.fence(),
              d.now(),
              Reason.of(ReasonCode.ALL_STARTED, "all %d nodes run", attempt.table().nnodes())));
    }
  }

  static void onExited(Deciding d, Job job, ClusterInput.NodeExited exited) {
    NodeId node = exited.node();
    ExitReport report = exited.report();
    boolean finished = report.outcome() == ExitReport.Outcome.SUCCEEDED;
    switch (job.phase()) {
      case PREPARING, STARTING, RUNNING -> {
        if (!job.isCurrent(exited.fence())) {
          oldGroupExited(d, job, exited);
        } else if (finished && job.phase() != JobPhase.PREPARING) {
          nodeFinished(d, job, node, report.treeGone());
        } else {
          if (report.treeGone()) {
            gone(d, job, exited.fence(), node, "its process tree was seen to end");
          }
          fail(d, d.job(job.id()), Causes.of(node, report));
        }
      }
      case QUEUED, STOPPING -> oldGroupExited(d, job, exited);
      case SUCCEEDED, FAILED, CANCELED -> {}
    }
  }

  private static void nodeFinished(Deciding d, Job job, NodeId node, boolean treeGone) {
    AttemptState attempt = job.current().orElseThrow();
    if (!attempt.finished().contains(node)) {
      d.event(
          new ClusterEvent.NodeFinished(
              attempt.fence(),
              node,
              d.now(),
              Reason.of(ReasonCode.FINISHING, "the group on %s exited 0", node)));
      runningIfAllStarted(d, d.job(job.id()));
    }
    if (treeGone) {
      gone(d, d.job(job.id()), attempt.fence(), node, "its process tree was seen to end");
    }
    Job after = d.job(job.id());
    if (after.current().orElseThrow().finished().size() == attempt.table().nnodes()) {
      succeed(d, after);
    }
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

  /** The innocent report peer loss first; the root cause may come later, from another node. */
  private static void refineCause(Deciding d, Job job, ClusterInput.NodeExited exited) {
    Optional<ExitReport.FirstFailure> failure = exited.report().firstFailure();
    boolean better =
        exited.report().outcome() == ExitReport.Outcome.FAILED
            && failure.filter(f -> !f.peerLoss()).isPresent();
    job.attempts().stream()
        .filter(a -> better && a.fence().equals(exited.fence()))
        .filter(a -> a.cause().filter(AttemptRecord.Cause::peerLoss).isPresent())
        .findFirst()
        .ifPresent(
            a -> {
              AttemptRecord.Cause cause = Causes.of(exited.node(), exited.report());
              d.event(
                  new ClusterEvent.CauseRefined(
                      a.fence(),
                      cause,
                      d.now(),
                      Reason.of(ReasonCode.WORKERS_FAILED, "root cause: %s", cause.message())));
            });
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
        if (!job.isCurrent(rejected.fence())) {
          return;
        }
        if (THE_JOBS_FAULT.contains(rejected.why().code())) {
          giveUp(d, job, rejected.why(), Exits.REFUSED, Optional.empty());
        } else if (rejected.why().code() == ReasonCode.STALE) {
          fail(
              d,
              job,
              AttemptRecord.Cause.of(
                  FailureCause.ABANDONED, rejected.node(), rejected.why().message()));
        } else {
          fail(
              d,
              job,
              AttemptRecord.Cause.of(
                  FailureCause.PREPARE_REJECTED, rejected.node(), rejected.why().toString()));
        }
      }
      case QUEUED, STARTING, RUNNING, STOPPING, SUCCEEDED, FAILED, CANCELED -> {}
    }
  }

  /** The attempt is over; the policies say what follows, in the same decision. */
  static void fail(Deciding d, Job job, AttemptRecord.Cause cause) {
    RestartPolicy.Verdict verdict = RestartPolicy.after(job, cause, d.now());
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
                  restart.delay().isZero() ? "" : "; next in " + restart.delay())));
      placeQueued(d);
    }
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
    d.event(
        new ClusterEvent.JobStopping(job.id(), ending, grace, cause, exitCode, d.now(), reason));
    Job stopping = d.job(job.id());
    resend(d, stopping);
    settle(d, stopping);
  }

  static void cancel(Deciding d, Job job, Duration grace) {
    Reason reason =
        Reason.of(ReasonCode.CANCELED, "canceled by a user, grace %d s", grace.toSeconds());
    stopAll(
        d,
        job,
        Ending.CANCEL,
        grace,
        job.current()
            .map(
                a ->
                    new AttemptRecord.Cause(
                        FailureCause.CANCELED,
                        Optional.empty(),
                        Optional.empty(),
                        reason.message(),
                        "",
                        false)),
        Optional.of(Exits.CANCELED),
        reason);
  }

  /** A node of its gang is drained: it stops with grace and starts again elsewhere. */
  static void leave(Deciding d, Job job, NodeId node) {
    switch (job.phase()) {
      case PREPARING, STARTING, RUNNING -> {
        Reason reason = Reason.of(ReasonCode.NODE_DRAINED, "%s is drained", node);
        stopAll(
            d,
            job,
            Ending.RESTART,
            DRAIN_GRACE,
            Optional.of(AttemptRecord.Cause.of(FailureCause.NODE_DRAINED, node, reason.message())),
            Optional.empty(),
            reason);
      }
      case QUEUED, STOPPING, SUCCEEDED, FAILED, CANCELED -> {}
    }
  }

  /** A node is lost: its groups count as gone from {@code giveUpAt} on, and its gang fails. */
  static void nodeLost(Deciding d, Job job, NodeId node, Reason why, Instant giveUpAt) {
    for (OpenGroup group : job.open()) {
      if (group.node().equals(node) && group.giveUpAt().isEmpty()) {
        d.event(new ClusterEvent.GroupDoubted(group.fence(), node, giveUpAt, d.now(), why));
      }
    }
    Job doubted = d.job(job.id());
    boolean needed =
        doubted
            .current()
            .filter(a -> a.table().contains(node) && !a.finished().contains(node))
            .isPresent();
    switch (doubted.phase()) {
      case PREPARING, STARTING, RUNNING -> {
        if (needed) {
          fail(d, doubted, AttemptRecord.Cause.of(FailureCause.NODE_SILENT, node, why.message()));
        }
      }
      case QUEUED, STOPPING, SUCCEEDED, FAILED, CANCELED -> {}
    }
  }

  /**
   * A restarted or returned agent says what it holds; what it should hold and does not, failed.
   * Only another boot proves that the group is gone: a memory may be another, or have closed a
   * group whose processes still end. A stopping job hears of its groups by the answers to Stop.
   */
  static void compare(
      Deciding d, Job job, NodeId node, String disk, Set<Fence> held, boolean rebooted) {
    switch (job.phase()) {
      case PREPARING, STARTING, RUNNING -> {
        AttemptState attempt = job.current().orElseThrow();
        Optional<OpenGroup> group = job.openOn(node, attempt.fence());
        if (group.isEmpty()
            || held.contains(attempt.fence())
            || attempt.finished().contains(node)) {
          return;
        }
        boolean forgot = attempt.prepared().containsKey(node) && !group.get().disk().equals(disk);
        if (attempt.started().contains(node) || forgot) {
          if (rebooted) {
            gone(d, job, attempt.fence(), node, "the host was rebooted");
          }
          fail(
              d,
              d.job(job.id()),
              AttemptRecord.Cause.of(
                  FailureCause.GROUP_GONE, node, node + " came back without its group"));
        }
      }
      case QUEUED, STOPPING, SUCCEEDED, FAILED, CANCELED -> {}
    }
  }

  // time

  static void onTick(Deciding d, JobId id) {
    giveUpDoubted(d, d.job(id));
    Job job = d.job(id);
    switch (job.phase()) {
      case PREPARING -> prepareDeadline(d, job);
      case STARTING -> startDeadline(d, job);
      case QUEUED, RUNNING, STOPPING, SUCCEEDED, FAILED, CANCELED -> {}
    }
    resend(d, d.job(id));
  }

  private static void giveUpDoubted(Deciding d, Job job) {
    for (OpenGroup group : job.open()) {
      if (group.giveUpAt().filter(t -> !t.isAfter(d.now())).isPresent()) {
        gone(
            d, d.job(job.id()), group.fence(), group.node(), "not heard of for too long, given up");
        settle(d, d.job(job.id()));
      }
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
        attempt.table().nodes().stream().filter(n -> !attempt.started().contains(n)).findFirst();
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

  private static boolean isOver(Instant since, Duration limit, Instant now) {
    return !limit.isZero() && !since.plus(limit).isAfter(now);
  }

  /** A13: what a new coordinator does not find released is abandoned. */
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
      case QUEUED, STARTING, RUNNING, STOPPING, SUCCEEDED, FAILED, CANCELED -> {}
    }
    resend(d, d.job(job.id()));
  }
}
