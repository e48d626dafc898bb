package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.GroupStatus;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** The only door to the coordinator's rules: state and input in, decision out. */
public final class ClusterMachine {
  /** Longest grace that a cancel may ask for. */
  static final Duration MAX_GRACE = Duration.ofMinutes(30);

  /** Attempts that a job keeps when the state is too large: a restart compares the last two. */
  static final int LEAST_ATTEMPTS = 2;

  /** Twice the heartbeat's pause. */
  public static final Duration SUSPECT_WAIT = Duration.ofSeconds(2);

  private final Duration suspectWait;
  private final ZeroCheck zeroCheck;
  private final QuarantinePolicy quarantine;
  private final FailureRules rules;

  public ClusterMachine() {
    this(SUSPECT_WAIT);
  }

  public ClusterMachine(Duration suspectWait) {
    this(suspectWait, ZeroCheck.NONE, QuarantinePolicy.DEFAULT, FailureRules.NONE);
  }

  /**
   * @param suspectWait how long a gang that lost a peer waits to hear whose fault it was; nodes not
   *     heard by then are suspect
   * @param zeroCheck looks at a ZeRO configuration when the world size is known
   * @param quarantine when a node that is lost again and again is kept out of placement
   * @param rules tell what kind of failure it was
   */
  public ClusterMachine(
      Duration suspectWait, ZeroCheck zeroCheck, QuarantinePolicy quarantine, FailureRules rules) {
    this.suspectWait = suspectWait;
    this.zeroCheck = zeroCheck;
    this.quarantine = quarantine;
    this.rules = rules;
  }

  private Deciding deciding(ClusterState state, Instant now) {
    return new Deciding(state, now, suspectWait, zeroCheck, rules, quarantine);
  }

  public Decision decide(ClusterState state, ClusterInput input, Instant now) {
    return input.handledBy(this, state, now);
  }

  Decision onSubmit(ClusterState state, ClusterInput.Submit submit, Instant now) {
    Optional<Job> known = state.job(submit.job());
    if (known.isPresent()) {
      return asAsked(known.get().spec()).equals(asAsked(submit.spec()))
          ? Deciding.nothing(
              Reason.of(ReasonCode.ALREADY_QUEUED, "%s is this job already", submit.job()))
          : Deciding.refused(
              Reason.of(
                  ReasonCode.CONFLICT,
                  "%s is another job already; choose another id",
                  submit.job()));
    }
    int live = state.liveSpecBytes();
    int more = ClusterState.specBytes(submit.spec());
    if (live + more > ClusterState.MAX_LIVE_SPEC_BYTES) {
      return Deciding.refused(
          Reason.of(
              ReasonCode.OVERLOADED,
              "the jobs that are not over hold %d bytes of job files and configurations, this one"
                  + " has %d, and the seats have room for %d; submit it when others are over",
              live,
              more,
              ClusterState.MAX_LIVE_SPEC_BYTES));
    }
    var d = deciding(state, now);
    d.event(
        new ClusterEvent.JobQueued(
            submit.job(),
            submit.spec(),
            now,
            Reason.of(ReasonCode.QUEUED, "%s is queued", submit.job())));
    if (submit.hold()) {
      Reason held = Reason.of(ReasonCode.HELD, "held; lockstep release %s", submit.job());
      d.event(new ClusterEvent.JobHoldChanged(submit.job(), true, now, held));
      return d.because(held);
    }
    JobMachine.placeQueued(d);
    return d.orElse(Reason.of(ReasonCode.QUEUED, "%s is queued", submit.job()));
  }

  Decision onReleaseHold(ClusterState state, ClusterInput.ReleaseHold release, Instant now) {
    Optional<Job> job = state.job(release.job());
    if (job.isEmpty()) {
      return Deciding.refused(unknown(release.job()));
    }
    if (job.get().phase().isTerminal()) {
      return Deciding.refused(
          Reason.of(ReasonCode.TERMINAL, "%s is already %s", release.job(), job.get().phase()));
    }
    if (!job.get().held()) {
      return Deciding.nothing(Reason.of(ReasonCode.NOTHING_TO_DO, "%s is not held", release.job()));
    }
    var d = deciding(state, now);
    Reason reason = Reason.of(ReasonCode.QUEUED, "%s is released", release.job());
    d.event(new ClusterEvent.JobHoldChanged(release.job(), false, now, reason));
    JobMachine.placeQueued(d);
    return d.because(reason);
  }

  /** A stage is the same wish in every release, whatever file it ships for it. */
  private static JobSpec asAsked(JobSpec spec) {
    return spec.zero()
        .filter(zero -> zero.stage() > 0)
        .map(
            zero ->
                spec.withZero(new JobSpec.Zero(zero.stage(), Optional.empty(), zero.argument())))
        .orElse(spec);
  }

  Decision onCancel(ClusterState state, ClusterInput.Cancel cancel, Instant now) {
    Optional<Job> job = state.job(cancel.job());
    if (job.isEmpty()) {
      return Deciding.refused(unknown(cancel.job()));
    }
    if (job.get().phase().isTerminal()) {
      return Deciding.refused(
          Reason.of(ReasonCode.TERMINAL, "%s is already %s", cancel.job(), job.get().phase()));
    }
    if (job.get().endsByItself()) {
      return Deciding.nothing(
          Reason.of(
              ReasonCode.CANCELING, "%s is ending already: %s", cancel.job(), job.get().reason()));
    }
    var d = deciding(state, now);
    JobMachine.cancel(d, job.get(), within(cancel.grace()), cancel.checkpoint());
    return d.because(Reason.of(ReasonCode.CANCELING, "%s is being canceled", cancel.job()));
  }

  private static Duration within(Duration grace) {
    if (grace.isNegative()) {
      return Duration.ZERO;
    }
    return grace.compareTo(MAX_GRACE) > 0 ? MAX_GRACE : grace;
  }

  Decision onDrain(ClusterState state, ClusterInput.Drain drain, Instant now) {
    Optional<Node> node = state.node(drain.node());
    if (node.isEmpty()) {
      return Deciding.refused(unknown(drain.node()));
    }
    if (node.get().draining()) {
      return Deciding.nothing(
          Reason.of(ReasonCode.DRAINING, "%s is drained already", drain.node()));
    }
    var d = deciding(state, now);
    Reason reason = Reason.of(ReasonCode.DRAINING, "drained by an operator");
    d.event(new ClusterEvent.NodeDrainChanged(drain.node(), true, now, reason));
    state.jobOn(drain.node()).ifPresent(job -> JobMachine.leave(d, job, drain.node()));
    return d.because(Reason.of(ReasonCode.DRAINING, "%s is draining", drain.node()));
  }

  Decision onResume(ClusterState state, ClusterInput.Resume resume, Instant now) {
    Optional<Node> node = state.node(resume.node());
    if (node.isEmpty()) {
      return Deciding.refused(unknown(resume.node()));
    }
    if (!node.get().draining() && node.get().quarantinedUntil().isEmpty()) {
      return Deciding.nothing(
          Reason.of(ReasonCode.NODE_READY, "%s is neither drained nor quarantined", resume.node()));
    }
    var d = deciding(state, now);
    Reason reason = Reason.of(ReasonCode.NODE_READY, "put back by an operator");
    if (node.get().draining()) {
      d.event(new ClusterEvent.NodeDrainChanged(resume.node(), false, now, reason));
    }
    if (node.get().quarantinedUntil().isPresent()) {
      d.event(new ClusterEvent.NodeQuarantineChanged(resume.node(), Optional.empty(), now, reason));
    }
    JobMachine.placeQueued(d);
    return d.because(Reason.of(ReasonCode.NODE_READY, "%s is back", resume.node()));
  }

  Decision onHello(ClusterState state, ClusterInput.NodeHello hello, Instant now) {
    Optional<Node> known = state.node(hello.node());
    if (known.isEmpty() && state.nodes().size() >= ClusterState.MAX_NODES) {
      return Deciding.refused(
          Reason.of(
              ReasonCode.OVERLOADED,
              "%s does not join: the cluster has %d nodes, its most; found another cluster",
              hello.node(),
              state.nodes().size()));
    }
    if (known.filter(n -> n.isOver(hello.inventory().bootId(), now)).isPresent()) {
      return Deciding.nothing(
          Reason.of(ReasonCode.STALE, "%s said it before its host was booted again", hello.node()));
    }
    var d = deciding(state, now);
    boolean same =
        known
            .filter(
                n ->
                    !n.lost()
                        && n.disk().equals(hello.disk())
                        && n.inventory().equals(hello.inventory()))
            .isPresent();
    boolean rebooted =
        known.filter(n -> !n.inventory().bootId().equals(hello.inventory().bootId())).isPresent();
    if (!same) {
      Reason reason =
          known.isEmpty()
              ? Reason.of(ReasonCode.NODE_JOINED, "joined")
              : Reason.of(ReasonCode.NODE_RETURNED, rebooted ? "rebooted" : "came back");
      d.event(
          new ClusterEvent.NodeJoined(hello.node(), hello.disk(), hello.inventory(), now, reason));
    }
    noteHeard(d, hello.node());
    Set<Fence> held = hello.groups().stream().map(GroupStatus::fence).collect(Collectors.toSet());
    for (JobId id : ids(d.state())) {
      JobMachine.compare(d, d.job(id), hello, held);
    }
    for (GroupStatus group : hello.groups()) {
      handleGroup(d, hello.node(), hello.disk(), group);
    }
    JobMachine.placeQueued(d);
    return d.orElse(Reason.of(ReasonCode.NOTHING_TO_DO, "%s is known as it is", hello.node()));
  }

  /** What a Hello says of a group is a report; a group that nobody wants any more is ended. */
  private static void handleGroup(Deciding d, NodeId node, String disk, GroupStatus group) {
    Optional<Job> job = d.state().job(group.fence().job());
    if (group.exit().isPresent()) {
      exited(d, new ClusterInput.NodeExited(node, group.fence(), group.exit().get()));
      return;
    }
    boolean wanted =
        job.filter(j -> j.isCurrent(group.fence()) && j.phase() != JobPhase.STOPPING).isPresent();
    if (!wanted) {
      boolean isToldByItsJob =
          job.filter(j -> j.phase() != JobPhase.QUEUED)
              .flatMap(j -> j.openOn(node, group.fence()))
              .isPresent();
      if (!isToldByItsJob) {
        d.action(
            new ClusterAction.Stop(
                node, group.fence(), Duration.ZERO, disk, "this attempt is over"));
      }
    } else if (group.phase() == GroupStatus.Phase.RUNNING) {
      JobMachine.onStarted(d, job.get(), new ClusterInput.NodeStarted(node, group.fence()));
    }
  }

  Decision onSilent(ClusterState state, ClusterInput.NodeSilent silent, Instant now) {
    Optional<Node> node = state.node(silent.node());
    if (node.isEmpty() || node.get().lost()) {
      return Deciding.nothing(
          Reason.of(ReasonCode.NOTHING_TO_DO, "%s is known to be lost", silent.node()));
    }
    var d = deciding(state, now);
    if (JobMachine.trainsOn(state, silent, now)) {
      return suspected(
          d,
          node.get(),
          silent,
          "its workers renew their lease: they train on, and cannot be steered");
    }
    if (JobMachine.endIsUnread(state, silent, now)) {
      return suspected(
          d,
          node.get(),
          silent,
          "its workers have ended by themselves, and it alone knows how: it is waited for, %d s at most"
              .formatted(Lease.END_UNREAD_LIMIT.toSeconds()));
    }
    Reason why =
        Reason.of(
            ReasonCode.NODE_SILENT,
            "%s was not heard for %d s",
            silent.node(),
            silent.silentFor().toSeconds());
    d.event(new ClusterEvent.NodeLost(silent.node(), now, why));
    quarantineIfOften(d, silent.node());
    for (JobId id : ids(d.state())) {
      JobMachine.nodeLost(d, d.job(id), silent.node(), why);
    }
    return d.because(why);
  }

  private void quarantineIfOften(Deciding d, NodeId id) {
    List<Instant> losses = d.state().node(id).map(Node::losses).orElse(List.of());
    quarantine
        .until(losses, d.now())
        // what it is out for already may be worse
        .filter(
            until ->
                d.state()
                    .node(id)
                    .flatMap(Node::quarantinedUntil)
                    .filter(out -> out.isAfter(until))
                    .isEmpty())
        .ifPresent(
            until ->
                d.event(
                    new ClusterEvent.NodeQuarantineChanged(
                        id,
                        Optional.of(until),
                        d.now(),
                        Reason.of(
                            ReasonCode.QUARANTINED,
                            "lost %s in %d min: not placed before %s; lockstep resume %s puts"
                                + " it back",
                            times(QuarantinePolicy.counted(losses, d.now())),
                            QuarantinePolicy.WINDOW.toMinutes(),
                            until,
                            id),
                        Optional.empty(),
                        d.state().node(id).flatMap(Node::failingSince))));
  }

  private static String times(long count) {
    return count == 1 ? "once" : count + " times";
  }

  /** A silent agent alone ends nothing: its workers have their lease from the seats (A23). */
  private static Decision suspected(
      Deciding d, Node node, ClusterInput.NodeSilent silent, String because) {
    Reason why =
        Reason.of(
            ReasonCode.NODE_SILENT,
            "the agent on %s was not heard for %d s; %s",
            silent.node(),
            silent.silentFor().toSeconds(),
            because);
    if (!node.suspect()) {
      d.event(new ClusterEvent.NodeSuspected(silent.node(), d.now(), why));
    }
    return d.orElse(why);
  }

  Decision onLeases(ClusterState state, ClusterInput.LeasesSeen seen, Instant now) {
    var d = deciding(state, now);
    for (JobId id : ids(state)) {
      JobMachine.onLeases(d, id, seen.leases());
    }
    return d.orElse(Reason.of(ReasonCode.NOTHING_TO_DO, "no lease is over, none is silent"));
  }

  Decision onHeard(ClusterState state, ClusterInput.NodeHeard heard, Instant now) {
    var d = deciding(state, now);
    noteHeard(d, heard.node());
    return d.orElse(Reason.of(ReasonCode.NOTHING_TO_DO, "nobody waited to hear %s", heard.node()));
  }

  Decision onTrouble(ClusterState state, ClusterInput.NodeTrouble said, Instant now) {
    Optional<Reason> before = state.node(said.node()).flatMap(Node::trouble);
    var d = deciding(state, now);
    if (state.node(said.node()).isPresent() && before.isPresent() != said.trouble().isPresent()) {
      Reason reason =
          said.trouble()
              .orElseGet(
                  () -> Reason.of(ReasonCode.NODE_READY, "%s can take part again", said.node()));
      d.event(new ClusterEvent.NodeTroubleChanged(said.node(), said.trouble(), now, reason));
      JobMachine.placeQueued(d);
    }
    return d.orElse(Reason.of(ReasonCode.NOTHING_TO_DO, "%s is known as it is", said.node()));
  }

  /** Every report is a sign of life, and may free a node for placement. */
  private static void noteHeard(Deciding d, NodeId node) {
    if (d.state().awaits(node)) {
      d.event(
          new ClusterEvent.NodeHeard(
              node, d.now(), Reason.of(ReasonCode.NODE_READY, "%s is heard", node)));
      JobMachine.placeQueued(d);
    }
  }

  Decision onPrepared(ClusterState state, ClusterInput.NodePrepared prepared, Instant now) {
    var d = deciding(state, now);
    state.job(prepared.fence().job()).ifPresent(job -> JobMachine.onPrepared(d, job, prepared));
    noteHeard(d, prepared.node());
    acknowledge(d, prepared.node(), prepared.fence(), ClusterAction.Report.PREPARED);
    return d.orElse(stale(prepared.fence()));
  }

  Decision onRejected(ClusterState state, ClusterInput.NodeRejected rejected, Instant now) {
    var d = deciding(state, now);
    state.job(rejected.fence().job()).ifPresent(job -> JobMachine.onRejected(d, job, rejected));
    noteHeard(d, rejected.node());
    acknowledge(d, rejected.node(), rejected.fence(), ClusterAction.Report.PREPARE_REJECTED);
    return d.orElse(stale(rejected.fence()));
  }

  Decision onStarted(ClusterState state, ClusterInput.NodeStarted started, Instant now) {
    var d = deciding(state, now);
    state.job(started.fence().job()).ifPresent(job -> JobMachine.onStarted(d, job, started));
    noteHeard(d, started.node());
    acknowledge(d, started.node(), started.fence(), ClusterAction.Report.STARTED);
    return d.orElse(stale(started.fence()));
  }

  Decision onExited(ClusterState state, ClusterInput.NodeExited exited, Instant now) {
    var d = deciding(state, now);
    exited(d, exited);
    noteHeard(d, exited.node());
    return d.orElse(stale(exited.fence()));
  }

  private static void exited(Deciding d, ClusterInput.NodeExited exited) {
    d.state().job(exited.fence().job()).ifPresent(job -> JobMachine.onExited(d, job, exited));
    acknowledge(d, exited.node(), exited.fence(), ClusterAction.Report.EXITED);
  }

  Decision onUnknown(ClusterState state, ClusterInput.NodeKnowsNothing unknown, Instant now) {
    var d = deciding(state, now);
    noteHeard(d, unknown.node()); // what it forgot is over when its lease must be
    return d.orElse(stale(unknown.fence()));
  }

  Decision onCheckpoint(ClusterState state, ClusterInput.CheckpointSeen seen, Instant now) {
    var d = deciding(state, now);
    CompleteCheckpoint found = seen.checkpoint();
    boolean newer =
        state
            .job(seen.fence().job())
            .filter(j -> j.phase() == JobPhase.RUNNING && j.isCurrent(seen.fence()))
            .filter(j -> j.lastCheckpoint().filter(c -> c.step() >= found.step()).isEmpty())
            .isPresent();
    if (newer) {
      d.event(
          new ClusterEvent.CheckpointSeen(
              seen.fence().job(),
              found,
              now,
              Reason.of(
                  ReasonCode.NOTHING_TO_DO, "checkpoint of step %d is complete", found.step())));
    }
    return d.orElse(Reason.of(ReasonCode.NOTHING_TO_DO, "no newer checkpoint"));
  }

  Decision onStep(ClusterState state, ClusterInput.StepSeen seen, Instant now) {
    var d = deciding(state, now);
    if (state.awaitsStep(seen.fence(), seen.step())) {
      d.event(
          new ClusterEvent.AttemptStepped(
              seen.fence(),
              seen.step(),
              now,
              Reason.of(
                  ReasonCode.ALL_STARTED,
                  "training is at step %d%s",
                  seen.step(),
                  howLongItTook(state, seen, now)),
              seen.lengths()));
      Job job = state.job(seen.fence().job()).orElseThrow(); // it awaits steps
      Standbys.ofGang(job, seen.step()).forEach(d::action);
    }
    return d.orElse(Reason.of(ReasonCode.NOTHING_TO_DO, "no first step"));
  }

  /** At the first step only: what the start, or the restart, cost. */
  private static String howLongItTook(ClusterState state, ClusterInput.StepSeen seen, Instant now) {
    Fence fence = seen.fence();
    return state
        .job(fence.job())
        .filter(
            job ->
                job.lastAttempt()
                    .filter(a -> a.fence().equals(fence) && a.firstStepAt().isEmpty())
                    .isPresent())
        .map(
            job ->
                Timeline.of(
                    state.history(), job, fence.attempt(), Optional.of(now), seen.lengths()))
        .filter(Timeline::isWhole)
        .map(line -> (fence.attempt().number() > 1 ? "; back after " : "; after ") + line)
        .orElse("");
  }

  Decision onActivity(ClusterState state, ClusterInput.ActivitySeen seen, Instant now) {
    var d = deciding(state, now);
    state
        .job(seen.fence().job())
        .filter(job -> job.isCurrent(seen.fence()))
        .ifPresent(job -> HangWatch.onActivity(d, job, seen.seen()));
    return d.orElse(Reason.of(ReasonCode.NOTHING_TO_DO, "no gang stands still"));
  }

  Decision onConversion(ClusterState state, ClusterInput.ConversionSeen seen, Instant now) {
    var d = deciding(state, now);
    state
        .job(seen.fence().job())
        .filter(job -> job.phase() == JobPhase.PREPARING && job.isCurrent(seen.fence()))
        .ifPresent(job -> JobMachine.conversionSeen(d, job, seen.status()));
    return d.orElse(Reason.of(ReasonCode.NOTHING_TO_DO, "nothing new of a conversion"));
  }

  /** What a spare keeps is compared with what it should keep, as often as it says so. */
  Decision onWarm(ClusterState state, ClusterInput.WarmSeen seen, Instant now) {
    var d = deciding(state, now);
    Optional<ClusterAction.StandBy> order = Standbys.order(state, seen.node(), seen.pool(), now);
    order.ifPresent(d::action);
    return order
        .map(o -> d.because(o.reason()))
        .orElseGet(
            () ->
                Deciding.nothing(
                    Reason.of(ReasonCode.NOTHING_TO_DO, "%s keeps what it should", seen.node())));
  }

  Decision onPairsChecked(ClusterState state, ClusterInput.PairsChecked checked, Instant now) {
    var d = deciding(state, now);
    if (QuarantineGate.onChecked(d, checked)) {
      JobMachine.placeQueued(d);
    }
    return d.orElse(
        Reason.of(
            ReasonCode.STALE,
            "%s is not tried with these nodes any more",
            checked.ordered().node()));
  }

  Decision onTick(ClusterState state, Instant now) {
    var d = deciding(state, now);
    QuarantineGate.onTick(d);
    for (JobId id : ids(state)) {
      JobMachine.onTick(d, id);
    }
    JobMachine.placeQueued(d);
    for (JobId id : ids(d.state())) {
      JobMachine.placeDeadline(d, id);
    }
    return d.orElse(Reason.of(ReasonCode.NOTHING_TO_DO, "no deadline has passed"));
  }

  /** First ended jobs go, half of them at a time; then of the others the older attempts. */
  Decision onStateLarge(ClusterState state, ClusterInput.StateLarge large, Instant now) {
    List<JobId> ended =
        state.jobs().values().stream()
            .filter(j -> j.phase().isTerminal())
            .sorted(Comparator.comparing(j -> j.endedAt().orElse(Instant.MIN)))
            .map(Job::id)
            .toList();
    List<JobId> forgotten = ended.subList(0, (ended.size() + 1) / 2);
    boolean older =
        state.jobs().values().stream()
            .anyMatch(j -> !j.phase().isTerminal() && j.attempts().size() > LEAST_ATTEMPTS);
    if (forgotten.isEmpty() && !older) {
      return Deciding.nothing(
          Reason.of(
              ReasonCode.OVERLOADED,
              "the state has %d bytes, %d are wanted, and nothing in it can be forgotten; run"
                  + " fewer jobs at once",
              large.bytes(),
              large.wantedBytes()));
    }
    int kept = forgotten.isEmpty() ? LEAST_ATTEMPTS : Job.MAX_ATTEMPTS;
    String what =
        forgotten.isEmpty()
            ? "all attempts but the newest %d of each job".formatted(kept)
            : "the %d oldest of %d ended jobs".formatted(forgotten.size(), ended.size());
    var d = deciding(state, now);
    d.event(
        new ClusterEvent.PastForgotten(
            forgotten,
            kept,
            now,
            Reason.of(
                ReasonCode.OVERLOADED,
                "the state has %d bytes, %d are wanted: forgets %s",
                large.bytes(),
                large.wantedBytes(),
                what)));
    return d.orElse(Reason.of(ReasonCode.OVERLOADED, "forgets %s", what));
  }

  Decision onStoodStill(ClusterState state, ClusterInput.StoodStill stood, Instant now) {
    var d = deciding(state, now);
    for (JobId id : ids(state)) {
      JobMachine.onStoodStill(d, d.job(id), stood.stoodStillFor());
    }
    return d.orElse(Reason.of(ReasonCode.NOTHING_TO_DO, "nobody was waited for"));
  }

  Decision onTookOver(ClusterState state, Instant now) {
    var d = deciding(state, now);
    for (JobId id : ids(state)) {
      JobMachine.onTookOver(d, d.job(id));
    }
    JobMachine.placeQueued(d);
    return d.orElse(Reason.of(ReasonCode.NOTHING_TO_DO, "took over"));
  }

  private static List<JobId> ids(ClusterState state) {
    return state.jobs().values().stream()
        .filter(j -> !j.phase().isTerminal())
        .map(Job::id)
        .toList();
  }

  private static void acknowledge(
      Deciding d, NodeId node, Fence fence, ClusterAction.Report report) {
    d.action(new ClusterAction.Acknowledge(node, fence, report));
  }

  private static Reason stale(Fence fence) {
    return Reason.of(ReasonCode.STALE, "%s is not the attempt under way", fence);
  }

  private static Reason unknown(JobId job) {
    return Reason.of(
        ReasonCode.UNKNOWN_JOB, "there is no job %s; lockstep list shows those there are", job);
  }

  private static Reason unknown(NodeId node) {
    return Reason.of(
        ReasonCode.UNKNOWN_NODE, "there is no node %s; lockstep nodes shows those there are", node);
  }
}
