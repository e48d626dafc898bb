package io.lockstep.coordinator.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.coordinator.failure.RuleSet;
import io.lockstep.protocol.model.CheckpointInventory;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.GpuInfo;
import io.lockstep.protocol.model.GroupStatus;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.NodeInventory;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/**
 * A fleet and its jobs, brought about by feeding inputs to the real machine; every decision on the
 * way is checked against {@link CoreInvariants}.
 */
final class ACluster {
  static final Duration LOST_WAIT = Duration.ofSeconds(10);
  static final Duration SUSPECT_WAIT = Duration.ofSeconds(2);
  static final Duration SINCE_DEATH = Duration.ofSeconds(3);
  static final Duration SECOND = Duration.ofSeconds(1);
  static final JobId A = new JobId("a");
  static final JobId B = new JobId("b");
  static final JobId C = new JobId("c");

  final ClusterMachine machine;
  ClusterState state = ClusterState.EMPTY;
  Instant now = Instant.parse("2026-01-01T00:00:00Z");
  CheckpointInventory checkpoints = CheckpointInventory.EMPTY;
  private final Map<Lease, Instant> granted = new HashMap<>();
  private final Set<NodeId> dead = new HashSet<>();

  ACluster() {
    this(QuarantinePolicy.DEFAULT);
  }

  ACluster(QuarantinePolicy quarantine) {
    machine = new ClusterMachine(SUSPECT_WAIT, ZeroCheck.NONE, quarantine, RuleSet.shipped());
  }

  // fleets

  /** Hosts n1 to n-count, without GPUs. */
  static ACluster of(int count) {
    var cluster = new ACluster();
    IntStream.rangeClosed(1, count).forEach(i -> cluster.joins("n" + i, 0));
    return cluster;
  }

  ACluster joins(String name, int gpus) {
    when(hello(node(name), "disk-" + name, "boot-1", gpus));
    return this;
  }

  /** Joins with so many GPUs of this name. */
  ACluster joins(String name, int gpus, String kind) {
    return joins(name, gpus, kind, -1);
  }

  /** The same, and asks for a node rank. */
  ACluster joins(String name, int gpus, String kind, int rank) {
    return joins(
        name, gpus, gpu -> new GpuInfo(gpu.index(), gpu.uuid(), kind, gpu.memoryBytes()), rank);
  }

  /** Joins and asks for a node rank, as {@code lockstep run --node-rank} does. */
  ACluster asks(String name, int rank) {
    return joins(name, 0, gpu -> gpu, rank);
  }

  private ACluster joins(String name, int gpus, UnaryOperator<GpuInfo> as, int rank) {
    ClusterInput.NodeHello plain = hello(node(name), "disk-" + name, "boot-1", gpus);
    NodeInventory found = plain.inventory();
    var asking =
        new NodeInventory(
            found.address(),
            found.hostname(),
            found.bootId(),
            found.cpus(),
            found.memoryBytes(),
            found.gpus().stream().map(as).toList(),
            found.python(),
            found.version(),
            rank);
    when(new ClusterInput.NodeHello(plain.node(), plain.disk(), asking, plain.groups()));
    return this;
  }

  static NodeId node(String name) {
    return new NodeId(name);
  }

  static List<NodeId> nodes(String... names) {
    return Arrays.stream(names).map(NodeId::new).toList();
  }

  static ClusterInput.NodeHello hello(
      NodeId node, String disk, String boot, int gpus, GroupStatus... groups) {
    var found = new ArrayList<GpuInfo>();
    for (int i = 0; i < gpus; i++) {
      found.add(new GpuInfo(i, "gpu-" + node + "-" + i, "H100", 1L << 36));
    }
    var inventory =
        new NodeInventory(
            "addr-" + node, "host-" + node, boot, 8, 1L << 36, found, "python3", "test", -1);
    return new ClusterInput.NodeHello(node, disk, inventory, List.of(groups));
  }

  /** The agent as it was before, with these groups. */
  static ClusterInput.NodeHello helloAgain(String name, GroupStatus... groups) {
    return hello(node(name), "disk-" + name, "boot-1", 0, groups);
  }

  static GroupStatus group(Fence fence, GroupStatus.Phase phase) {
    return new GroupStatus(
        fence, phase, List.of(), Optional.empty(), Optional.empty(), Optional.empty());
  }

  static GroupStatus ended(Fence fence, ExitReport exit) {
    return new GroupStatus(
        fence,
        GroupStatus.Phase.EXITED,
        List.of(),
        Optional.empty(),
        Optional.empty(),
        Optional.of(exit));
  }

  // jobs in each phase

  static ACluster aPreparingJob(int nodes, AJob job, int fleet) {
    ACluster cluster = of(Math.max(nodes, fleet));
    cluster.submits(A, job);
    return cluster;
  }

  static ACluster aRunningJob(int nodes) {
    return aRunningJob(nodes, AJob.of(nodes), nodes);
  }

  static ACluster aRunningJob(int nodes, AJob job, int fleet) {
    ACluster cluster = aPreparingJob(nodes, job, fleet);
    cluster.runs(A);
    return cluster;
  }

  Decision submits(JobId id, AJob job) {
    return when(new ClusterInput.Submit(id, job.spec()));
  }

  Decision submitsHeld(JobId id, AJob job) {
    return when(new ClusterInput.Submit(id, job.spec(), true));
  }

  Decision releases(JobId id) {
    return when(new ClusterInput.ReleaseHold(id));
  }

  /** Takes a placed job to RUNNING. */
  ACluster runs(JobId id) {
    prepares(id);
    starts(id);
    assertThat(job(id).phase()).isEqualTo(JobPhase.RUNNING);
    return this;
  }

  /** All nodes of its gang say that they are prepared. */
  Decision prepares(JobId id) {
    Decision last = Deciding.nothing(Reason.of(ReasonCode.NOTHING_TO_DO, "none"));
    for (NodeId node : gang(id)) {
      last = prepared(id, node);
    }
    return last;
  }

  Decision prepared(JobId id, NodeId node) {
    return when(new ClusterInput.NodePrepared(node, fence(id), said(node)));
  }

  Decision prepared(JobId id, NodeId node, String script, String zero) {
    return when(
        new ClusterInput.NodePrepared(
            node,
            fence(id),
            new PreparedNode(Optional.of(29_500), Optional.of(zero), script, checkpoints)));
  }

  PreparedNode said(NodeId node) {
    return new PreparedNode(Optional.of(29_500), Optional.of("zero"), "script", checkpoints);
  }

  ACluster starts(JobId id) {
    for (NodeId node : gang(id)) {
      when(new ClusterInput.NodeStarted(node, fence(id)));
    }
    return this;
  }

  /** A job that failed once and waits out its backoff. */
  static ACluster aJobInBackoff() {
    var slow = Duration.ofSeconds(20);
    ACluster cluster = aRunningJob(2, AJob.of(2).restart(5, Duration.ofHours(1), slow, slow), 3);
    cluster.exits("n2", Exit.killed(1));
    return cluster;
  }

  // inputs in a word

  Decision exits(String name, ExitReport report) {
    return when(new ClusterInput.NodeExited(node(name), lastFence(A), report));
  }

  Decision exits(String name, Fence fence, ExitReport report) {
    return when(new ClusterInput.NodeExited(node(name), fence, report));
  }

  Decision silent(String name) {
    dies(name);
    return when(new ClusterInput.NodeSilent(node(name), Duration.ofSeconds(10), leases()));
  }

  /** Its agent is silent, and its shims are not. */
  Decision agentSilent(String name) {
    return when(new ClusterInput.NodeSilent(node(name), Duration.ofSeconds(10), leases()));
  }

  /** No shim of this host has asked for a lease since a moment ago. */
  ACluster dies(String name) {
    dead.add(node(name));
    granted.replaceAll(
        (lease, at) -> lease.node().equals(node(name)) ? now.minus(SINCE_DEATH) : at);
    return this;
  }

  /** What three seats say that hold the newest state and have served since the founding. */
  LeaseReport leases() {
    var said =
        LeaseReport.Said.of(state.version(), now, Instant.parse("2025-12-31T00:00:00Z"), granted);
    return new LeaseReport(2, List.of(said, said, said));
  }

  /** The same, but nothing of this node was renewed for a minute. */
  LeaseReport leasesNotRenewedOn(NodeId node) {
    var old = new HashMap<Lease, Instant>();
    for (AttemptRecord attempt : job().attempts()) {
      old.put(new Lease(attempt.fence(), node), now.minusSeconds(60));
    }
    var said =
        LeaseReport.Said.of(state.version(), now, Instant.parse("2025-12-31T00:00:00Z"), old);
    return new LeaseReport(2, List.of(said, said));
  }

  private void shimsRenew() {
    for (Job job : state.jobs().values()) {
      for (OpenGroup group : job.open()) {
        if (state.standing(group.lease()) == LeaseStanding.PERMITTED
            && !dead.contains(group.node())) {
          granted.put(group.lease(), now);
        }
      }
    }
  }

  Decision heard(String name) {
    return when(new ClusterInput.NodeHeard(node(name)));
  }

  Decision drains(String name) {
    return when(new ClusterInput.Drain(node(name)));
  }

  Decision resumes(String name) {
    return when(new ClusterInput.Resume(node(name)));
  }

  Decision cancels(JobId id, Duration grace) {
    return when(new ClusterInput.Cancel(id, grace));
  }

  Decision sees(CompleteCheckpoint checkpoint) {
    return when(new ClusterInput.CheckpointSeen(lastFence(A), checkpoint));
  }

  Decision takesOver() {
    return when(new ClusterInput.TookOver());
  }

  Decision tick() {
    return when(new ClusterInput.Tick());
  }

  Decision after(Duration time) {
    now = now.plus(time);
    shimsRenew();
    Decision decision = tick();
    Decision leases = when(new ClusterInput.LeasesSeen(leases()));
    return leases.events().isEmpty() ? decision : leases;
  }

  Decision when(ClusterInput input) {
    Decision decision = machine.decide(state, input, now);
    assertThat(machine.decide(state, input, now)).as("deciding twice").isEqualTo(decision);
    state = CoreInvariants.check(state, input, decision, now);
    shimsRenew();
    return decision;
  }

  // what is so

  Job job() {
    return job(A);
  }

  Job job(JobId id) {
    return state.job(id).orElseThrow();
  }

  JobPhase phase() {
    return job().phase();
  }

  Fence fence(JobId id) {
    return job(id).current().orElseThrow().fence();
  }

  Fence lastFence(JobId id) {
    return job(id).lastAttempt().orElseThrow().fence();
  }

  List<NodeId> gang(JobId id) {
    return job(id).table().orElseThrow().nodes();
  }

  List<NodeId> gang() {
    return gang(A);
  }

  int attempt() {
    return job().attemptsMade();
  }

  AttemptRecord.Cause causeOf(int attempt) {
    return job().attempts().stream()
        .filter(a -> a.fence().attempt().number() == attempt)
        .findFirst()
        .flatMap(AttemptRecord::cause)
        .orElseThrow();
  }

  NodeHealth health(String name) {
    return state.node(node(name)).orElseThrow().health();
  }

  // what was decided

  static <E> List<E> only(Class<E> type, List<?> from) {
    return from.stream().filter(type::isInstance).map(type::cast).toList();
  }

  static <E extends ClusterEvent> List<E> events(Decision decision, Class<E> type) {
    return only(type, decision.events());
  }

  static <E extends ClusterAction> List<E> actions(Decision decision, Class<E> type) {
    return only(type, decision.actions());
  }

  static List<NodeId> told(Decision decision, Class<? extends ClusterAction> type) {
    return actions(decision, type).stream().map(ClusterAction::node).toList();
  }

  static CompleteCheckpoint checkpoint(long step) {
    return new CompleteCheckpoint("/ckpt/checkpoint-" + step, step, 2);
  }

  /** A folder of this job's with these checkpoints, newest first. */
  static CheckpointInventory folder(long... steps) {
    return new CheckpointInventory(
        Optional.of(new CheckpointInventory.Owner("a", "llama")),
        Arrays.stream(steps).mapToObj(ACluster::checkpoint).toList(),
        List.of());
  }
}
