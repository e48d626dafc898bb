package io.lockstep.coordinator.actor;

import io.lockstep.coordinator.core.Aftermath;
import io.lockstep.coordinator.core.AttemptRecord;
import io.lockstep.coordinator.core.AttemptState;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.coordinator.core.Diagnosis;
import io.lockstep.coordinator.core.HistoryEntry;
import io.lockstep.coordinator.core.Job;
import io.lockstep.coordinator.core.Motion;
import io.lockstep.coordinator.core.Node;
import io.lockstep.coordinator.core.Straggler;
import io.lockstep.protocol.api.EventView;
import io.lockstep.protocol.api.JobView;
import io.lockstep.protocol.api.NodeView;
import io.lockstep.protocol.model.ConversionStatus;
import io.lockstep.protocol.model.GroupStatus;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.Progress;
import io.lockstep.protocol.model.RankTable;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.WarmStatus;
import io.lockstep.protocol.model.WorkerInfo;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** State and what agents last said, as people and programs see it. */
final class Views {
  private static final double MILLIS = 1_000.0;

  private final ClusterState state;
  private final AgentDirectory agents;

  Views(ClusterState state, AgentDirectory agents) {
    this.state = state;
    this.agents = agents;
  }

  JobView job(Job job) {
    Optional<RankTable> table = job.table();
    return new JobView(
        job.id().value(),
        job.spec().name(),
        job.phase().name(),
        reason(job.reason()),
        job.attemptsMade(),
        new JobView.RestartsView(job.counted(), job.uncounted(), job.spec().restart().max()),
        job.spec().nodes(),
        job.procsPerNode() > 0 ? job.procsPerNode() : job.spec().procsPerNode(),
        job.spec().zero().map(z -> z.stage()).filter(s -> s > 0),
        table.map(Views::ranks).orElse(List.of()),
        job.current().map(a -> a.table().master().address()),
        job.current().flatMap(AttemptState::masterPort),
        job.lastCheckpoint()
            .map(c -> new JobView.CheckpointView(c.path(), c.step(), c.worldSize())),
        progress(job),
        job.attempts().stream().map(Views::attempt).toList(),
        job.phase().isTerminal() ? job.exitCode() : Optional.empty(),
        job.spec().spares(),
        job.submittedAt(),
        job.endedAt(),
        job.spares().stream().map(NodeId::value).toList());
  }

  /** With what it waits for, node by node, and whether it moves. */
  JobView whole(Job job, Instant now) {
    return job(job)
        .withAttempts(job.attempts().stream().map(a -> timed(job, a)).toList())
        .waiting(
            state.verdicts(job.id(), now).stream()
                .map(v -> new JobView.WaitView(v.node().value(), v.free(), v.why()))
                .toList())
        .moving(
            Motion.of(job, ActivityWatch.of(job, node -> agents.freshGroup(node, now)))
                .map(Views::motion))
        .converting(
            ActivityWatch.conversion(job, node -> agents.freshGroup(node, now))
                .map(Views::conversion));
  }

  private static JobView.ConversionView conversion(ConversionStatus status) {
    return new JobView.ConversionView(
        status.parameters(),
        status.ofParameters(),
        status.bytes(),
        status.ofBytes(),
        status.toString());
  }

  private static JobView.MotionView motion(Motion m) {
    return new JobView.MotionView(
        m.age().toSeconds(),
        m.of(),
        m.limit().map(Duration::toSeconds),
        m.from(),
        m.suspicion(),
        m.stragglers().stream().map(Straggler::toString).toList());
  }

  /** Progress of the newest attempt, from the node of rank 0. */
  private Optional<JobView.ProgressView> progress(Job job) {
    return job.lastAttempt()
        .flatMap(
            a ->
                a.table()
                    .flatMap(t -> agents.newest(t.master().node()))
                    .filter(g -> g.fence().equals(a.fence())))
        .flatMap(GroupStatus::progress)
        .map(Views::progress);
  }

  private static JobView.ProgressView progress(Progress p) {
    return new JobView.ProgressView(p.step(), p.totalSteps(), p.loss(), p.evalLoss());
  }

  private static JobView.AttemptView attempt(AttemptRecord a) {
    return new JobView.AttemptView(
        a.fence().attempt().number(),
        a.startedAt(),
        a.runningAt(),
        a.endedAt(),
        a.cause()
            .map(
                c ->
                    new JobView.CauseView(
                        c.code().name(),
                        c.node().map(NodeId::value),
                        c.rank(),
                        c.message(),
                        c.diagnosis().map(Views::diagnosis))),
        a.resumedFromStep(),
        a.firstStepAt(),
        a.table().map(Views::ranks).orElse(List.of()),
        a.cause().map(AttemptRecord.Cause::traceback).filter(t -> !t.isEmpty()),
        a.aftermath().map(Views::aftermath),
        Optional.empty());
  }

  private JobView.AttemptView timed(Job job, AttemptRecord a) {
    return attempt(a)
        .taking(
            state.timeline(job, a.fence().attempt()).parts().stream()
                .map(p -> new JobView.PartView(p.name(), p.time().toMillis() / MILLIS))
                .toList());
  }

  private static JobView.DiagnosisView diagnosis(Diagnosis d) {
    return new JobView.DiagnosisView(
        d.failureClass().name(), d.rule(), d.sign(), d.meaning(), d.advice(), d.at(), d.step());
  }

  private static JobView.AftermathView aftermath(Aftermath aftermath) {
    return new JobView.AftermathView(
        aftermath.nodes(),
        aftermath.first().stream()
            .map(
                f ->
                    new JobView.FollowedView(
                        f.node().value(), f.rank(), f.at(), f.message(), f.same()))
            .toList());
  }

  private static List<JobView.RankView> ranks(RankTable table) {
    var rows = new ArrayList<JobView.RankView>();
    for (int rank = 0; rank < table.nnodes(); rank++) {
      RankTable.Entry entry = table.entries().get(rank);
      rows.add(new JobView.RankView(rank, entry.node().value(), entry.address()));
    }
    return rows;
  }

  static JobView.ReasonView reason(Reason reason) {
    return new JobView.ReasonView(reason.code().name(), reason.message());
  }

  NodeView node(Node node, Set<String> seatHosts, String coordinator) {
    Optional<Job> job = state.jobOn(node.id());
    Optional<GroupStatus> group =
        agents.group(node.id()).filter(g -> g.phase() != GroupStatus.Phase.EXITED);
    return new NodeView(
            node.id().value(),
            node.inventory().address(),
            node.health().name(),
            seatHosts.contains(node.inventory().address()),
            node.id().value().equals(coordinator),
            group.map(g -> g.workers().size()).orElse(0),
            node.inventory().gpus().stream()
                .map(g -> new NodeView.GpuView(g.index(), g.uuid(), g.name(), g.memoryBytes()))
                .toList(),
            job.map(j -> j.id().value()),
            job.flatMap(Job::current)
                .map(a -> a.table().rankOf(node.id()))
                .filter(r -> r.isPresent())
                .map(r -> r.getAsInt()),
            reason(node.reason()),
            group.map(g -> g.workers().stream().map(WorkerInfo::pid).toList()).orElse(List.of()),
            Optional.of(node.inventory().nodeRankHint()).filter(rank -> rank >= 0))
        .withWarmPool(agents.warmPool(node.id()).map(Views::warmPool));
  }

  private static NodeView.WarmPoolView warmPool(WarmStatus pool) {
    return new NodeView.WarmPoolView(
        pool.job().value(),
        pool.phase().name(),
        pool.standsBy().isPresent(),
        pool.memoryBytes(),
        pool.problem());
  }

  static EventView event(HistoryEntry e) {
    return new EventView(
        e.version(),
        e.at(),
        e.type(),
        e.job().map(j -> j.value()),
        e.attempt().map(a -> a.number()),
        e.node().map(NodeId::value),
        reason(e.reason()));
  }
}
