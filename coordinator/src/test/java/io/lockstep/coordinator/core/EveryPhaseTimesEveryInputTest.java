package io.lockstep.coordinator.core;

import static io.lockstep.coordinator.core.ACluster.A;
import static io.lockstep.coordinator.core.ACluster.LOST_WAIT;
import static io.lockstep.coordinator.core.ACluster.SECOND;
import static io.lockstep.coordinator.core.ACluster.checkpoint;
import static io.lockstep.coordinator.core.ACluster.group;
import static io.lockstep.coordinator.core.ACluster.hello;
import static io.lockstep.coordinator.core.ACluster.helloAgain;
import static io.lockstep.coordinator.core.ACluster.node;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.ConversionStatus;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.GroupStatus;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import io.lockstep.protocol.model.WarmStatus;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Job a has two nodes (n1, n2), n3 is free. Each input, about n2 and the newest attempt, meets the
 * job in each phase; each line says what the job is afterwards, the decision's reason code, what
 * became true and what is told to agents.
 */
class EveryPhaseTimesEveryInputTest {
  private static final String TABLE =
      """
      QUEUED    Submit           -> QUEUED    CONFLICT refused
      QUEUED    ReleaseHold      -> QUEUED    NOTHING_TO_DO
      QUEUED    Cancel           -> STOPPING  CANCELING | JobStopping | tells Stop
      QUEUED    Drain            -> QUEUED    DRAINING | NodeDrainChanged
      QUEUED    Resume           -> QUEUED    NODE_READY
      QUEUED    NodeHello        -> QUEUED    NODE_RETURNED | NodeJoined
      QUEUED    NodeSilent       -> QUEUED    NODE_SILENT | NodeLost
      QUEUED    LeasesSeen       -> QUEUED    NOTHING_TO_DO
      QUEUED    NodeHeard        -> QUEUED    NOTHING_TO_DO
      QUEUED    NodeTrouble      -> QUEUED    DISK_FULL | NodeTroubleChanged
      QUEUED    NodePrepared     -> QUEUED    STALE | tells Acknowledge
      QUEUED    NodeRejected     -> QUEUED    STALE | tells Acknowledge
      QUEUED    NodeStarted      -> QUEUED    STALE | tells Acknowledge
      QUEUED    NodeExited       -> QUEUED    STALE | tells Acknowledge
      QUEUED    NodeKnowsNothing -> QUEUED    STALE
      QUEUED    CheckpointSeen   -> QUEUED    NOTHING_TO_DO
      QUEUED    StepSeen         -> QUEUED    NOTHING_TO_DO
      QUEUED    ActivitySeen     -> QUEUED    NOTHING_TO_DO
      QUEUED    ConversionSeen   -> QUEUED    NOTHING_TO_DO
      QUEUED    WarmSeen         -> QUEUED    STANDING_BY | tells StandBy
      QUEUED    PairsChecked     -> QUEUED    STALE
      QUEUED    StateLarge       -> QUEUED    OVERLOADED
      QUEUED    StoodStill       -> QUEUED    NOTHING_TO_DO
      QUEUED    Tick             -> QUEUED    NOTHING_TO_DO | tells Stop
      QUEUED    TookOver         -> QUEUED    NOTHING_TO_DO | tells Stop
      PREPARING Submit           -> PREPARING CONFLICT refused
      PREPARING ReleaseHold      -> PREPARING NOTHING_TO_DO
      PREPARING Cancel           -> STOPPING  CANCELING | JobStopping | tells Stop
      PREPARING Drain            -> STOPPING  DRAINING | NodeDrainChanged JobStopping | tells Stop
      PREPARING Resume           -> PREPARING NODE_READY
      PREPARING NodeHello        -> PREPARING NODE_RETURNED | NodeJoined
      PREPARING NodeSilent       -> PREPARING NODE_SILENT | NodeLost AttemptFailed AttemptPlanned | tells Prepare Stop
      PREPARING LeasesSeen       -> PREPARING NOTHING_TO_DO
      PREPARING NodeHeard        -> PREPARING NOTHING_TO_DO
      PREPARING NodeTrouble      -> PREPARING DISK_FULL | NodeTroubleChanged
      PREPARING NodePrepared     -> STARTING  PREPARING | NodePrepared AttemptReleased | tells Start Acknowledge
      PREPARING NodeRejected     -> PREPARING RESTARTING | AttemptFailed AttemptPlanned | tells Prepare Stop Acknowledge
      PREPARING NodeStarted      -> PREPARING STALE | tells Acknowledge
      PREPARING NodeExited       -> PREPARING FINISHING | GroupGone AttemptFailed AttemptPlanned | tells Prepare Acknowledge
      PREPARING NodeKnowsNothing -> PREPARING STALE
      PREPARING CheckpointSeen   -> PREPARING NOTHING_TO_DO
      PREPARING StepSeen         -> PREPARING NOTHING_TO_DO
      PREPARING ActivitySeen     -> PREPARING NOTHING_TO_DO
      PREPARING ConversionSeen   -> PREPARING NOTHING_TO_DO
      PREPARING WarmSeen         -> PREPARING NOTHING_TO_DO
      PREPARING PairsChecked     -> PREPARING STALE
      PREPARING StateLarge       -> PREPARING OVERLOADED
      PREPARING StoodStill       -> PREPARING NOTHING_TO_DO | AttemptTakenOver
      PREPARING Tick             -> PREPARING NOTHING_TO_DO | tells Prepare
      PREPARING TookOver         -> PREPARING RESTARTING | AttemptFailed AttemptPlanned | tells Prepare
      STARTING  Submit           -> STARTING  CONFLICT refused
      STARTING  ReleaseHold      -> STARTING  NOTHING_TO_DO
      STARTING  Cancel           -> STOPPING  CANCELING | JobStopping | tells Stop
      STARTING  Drain            -> STOPPING  DRAINING | NodeDrainChanged JobStopping | tells Stop
      STARTING  Resume           -> STARTING  NODE_READY
      STARTING  NodeHello        -> STARTING  NODE_RETURNED | NodeJoined
      STARTING  NodeSilent       -> PREPARING NODE_SILENT | NodeLost AttemptFailed AttemptPlanned | tells Prepare Stop
      STARTING  LeasesSeen       -> PREPARING NODE_SILENT | NodeSuspected AttemptFailed AttemptPlanned | tells Prepare Stop
      STARTING  NodeHeard        -> STARTING  NOTHING_TO_DO
      STARTING  NodeTrouble      -> STARTING  DISK_FULL | NodeTroubleChanged
      STARTING  NodePrepared     -> STARTING  STALE | tells Acknowledge
      STARTING  NodeRejected     -> STARTING  STALE | tells Acknowledge
      STARTING  NodeStarted      -> RUNNING   ALL_STARTED | NodeStarted AttemptRunning | tells Acknowledge
      STARTING  NodeExited       -> PREPARING FINISHING | GroupGone AttemptFailed AttemptPlanned | tells Prepare Acknowledge
      STARTING  NodeKnowsNothing -> STARTING  STALE
      STARTING  CheckpointSeen   -> STARTING  NOTHING_TO_DO
      STARTING  StepSeen         -> STARTING  NOTHING_TO_DO
      STARTING  ActivitySeen     -> STARTING  NOTHING_TO_DO
      STARTING  ConversionSeen   -> STARTING  NOTHING_TO_DO
      STARTING  WarmSeen         -> STARTING  NOTHING_TO_DO
      STARTING  PairsChecked     -> STARTING  STALE
      STARTING  StateLarge       -> STARTING  OVERLOADED
      STARTING  StoodStill       -> STARTING  NOTHING_TO_DO | AttemptTakenOver
      STARTING  Tick             -> STARTING  NOTHING_TO_DO | tells Start
      STARTING  TookOver         -> STARTING  NOTHING_TO_DO | AttemptTakenOver | tells Start
      RUNNING   Submit           -> RUNNING   CONFLICT refused
      RUNNING   ReleaseHold      -> RUNNING   NOTHING_TO_DO
      RUNNING   Cancel           -> STOPPING  CANCELING | JobStopping | tells Stop
      RUNNING   Drain            -> STOPPING  DRAINING | NodeDrainChanged JobStopping | tells Stop
      RUNNING   Resume           -> RUNNING   NODE_READY
      RUNNING   NodeHello        -> PREPARING NODE_RETURNED | NodeJoined AttemptFailed AttemptPlanned | tells Prepare
      RUNNING   NodeSilent       -> PREPARING NODE_SILENT | NodeLost AttemptFailed AttemptPlanned | tells Prepare Stop
      RUNNING   LeasesSeen       -> PREPARING NODE_SILENT | NodeSuspected AttemptFailed AttemptPlanned | tells Prepare Stop
      RUNNING   NodeHeard        -> RUNNING   NOTHING_TO_DO
      RUNNING   NodeTrouble      -> RUNNING   DISK_FULL | NodeTroubleChanged
      RUNNING   NodePrepared     -> RUNNING   STALE | tells Acknowledge
      RUNNING   NodeRejected     -> RUNNING   STALE | tells Acknowledge
      RUNNING   NodeStarted      -> RUNNING   STALE | tells Acknowledge
      RUNNING   NodeExited       -> PREPARING FINISHING | GroupGone AttemptFailed AttemptPlanned | tells Prepare Acknowledge
      RUNNING   NodeKnowsNothing -> RUNNING   STALE
      RUNNING   CheckpointSeen   -> RUNNING   NOTHING_TO_DO | CheckpointSeen
      RUNNING   StepSeen         -> RUNNING   ALL_STARTED | AttemptStepped | tells StandBy
      RUNNING   ActivitySeen     -> RUNNING   STANDS_STILL | AttemptSuspected | tells TakeStacks
      RUNNING   ConversionSeen   -> RUNNING   NOTHING_TO_DO
      RUNNING   WarmSeen         -> RUNNING   NOTHING_TO_DO
      RUNNING   PairsChecked     -> RUNNING   STALE
      RUNNING   StateLarge       -> RUNNING   OVERLOADED
      RUNNING   StoodStill       -> RUNNING   NOTHING_TO_DO
      RUNNING   Tick             -> RUNNING   NOTHING_TO_DO
      RUNNING   TookOver         -> RUNNING   NOTHING_TO_DO
      STOPPING  Submit           -> STOPPING  CONFLICT refused
      STOPPING  ReleaseHold      -> STOPPING  NOTHING_TO_DO
      STOPPING  Cancel           -> STOPPING  CANCELING | JobStopping | tells Stop
      STOPPING  Drain            -> STOPPING  DRAINING | NodeDrainChanged
      STOPPING  Resume           -> STOPPING  NODE_READY
      STOPPING  NodeHello        -> STOPPING  NODE_RETURNED | NodeJoined
      STOPPING  NodeSilent       -> STOPPING  NODE_SILENT | NodeLost
      STOPPING  LeasesSeen       -> STOPPING  NOTHING_TO_DO
      STOPPING  NodeHeard        -> STOPPING  NOTHING_TO_DO
      STOPPING  NodeTrouble      -> STOPPING  DISK_FULL | NodeTroubleChanged
      STOPPING  NodePrepared     -> STOPPING  STALE | tells Acknowledge
      STOPPING  NodeRejected     -> STOPPING  STALE | tells Acknowledge
      STOPPING  NodeStarted      -> STOPPING  STALE | tells Acknowledge
      STOPPING  NodeExited       -> STOPPING  WORKERS_FAILED | FailureFollowed GroupGone | tells Acknowledge
      STOPPING  NodeKnowsNothing -> STOPPING  STALE
      STOPPING  CheckpointSeen   -> STOPPING  NOTHING_TO_DO
      STOPPING  StepSeen         -> STOPPING  NOTHING_TO_DO
      STOPPING  ActivitySeen     -> STOPPING  NOTHING_TO_DO
      STOPPING  ConversionSeen   -> STOPPING  NOTHING_TO_DO
      STOPPING  WarmSeen         -> STOPPING  NOTHING_TO_DO
      STOPPING  PairsChecked     -> STOPPING  STALE
      STOPPING  StateLarge       -> STOPPING  OVERLOADED
      STOPPING  StoodStill       -> STOPPING  NOTHING_TO_DO
      STOPPING  Tick             -> STOPPING  NOTHING_TO_DO | tells Stop
      STOPPING  TookOver         -> STOPPING  NOTHING_TO_DO | tells Stop
      SUCCEEDED Submit           -> SUCCEEDED CONFLICT refused
      SUCCEEDED ReleaseHold      -> SUCCEEDED TERMINAL refused
      SUCCEEDED Cancel           -> SUCCEEDED TERMINAL refused
      SUCCEEDED Drain            -> SUCCEEDED DRAINING | NodeDrainChanged
      SUCCEEDED Resume           -> SUCCEEDED NODE_READY
      SUCCEEDED NodeHello        -> SUCCEEDED NODE_RETURNED | NodeJoined
      SUCCEEDED NodeSilent       -> SUCCEEDED NODE_SILENT | NodeLost
      SUCCEEDED LeasesSeen       -> SUCCEEDED NOTHING_TO_DO
      SUCCEEDED NodeHeard        -> SUCCEEDED NOTHING_TO_DO
      SUCCEEDED NodeTrouble      -> SUCCEEDED DISK_FULL | NodeTroubleChanged
      SUCCEEDED NodePrepared     -> SUCCEEDED STALE | tells Acknowledge
      SUCCEEDED NodeRejected     -> SUCCEEDED STALE | tells Acknowledge
      SUCCEEDED NodeStarted      -> SUCCEEDED STALE | tells Acknowledge
      SUCCEEDED NodeExited       -> SUCCEEDED STALE | tells Acknowledge
      SUCCEEDED NodeKnowsNothing -> SUCCEEDED STALE
      SUCCEEDED CheckpointSeen   -> SUCCEEDED NOTHING_TO_DO
      SUCCEEDED StepSeen         -> SUCCEEDED NOTHING_TO_DO
      SUCCEEDED ActivitySeen     -> SUCCEEDED NOTHING_TO_DO
      SUCCEEDED ConversionSeen   -> SUCCEEDED NOTHING_TO_DO
      SUCCEEDED WarmSeen         -> SUCCEEDED STANDING_BY | tells StandBy
      SUCCEEDED PairsChecked     -> SUCCEEDED STALE
      SUCCEEDED StateLarge       -> forgotten OVERLOADED | PastForgotten
      SUCCEEDED StoodStill       -> SUCCEEDED NOTHING_TO_DO
      SUCCEEDED Tick             -> SUCCEEDED NOTHING_TO_DO
      SUCCEEDED TookOver         -> SUCCEEDED NOTHING_TO_DO
      FAILED    Submit           -> FAILED    CONFLICT refused
      FAILED    ReleaseHold      -> FAILED    TERMINAL refused
      FAILED    Cancel           -> FAILED    TERMINAL refused
      FAILED    Drain            -> FAILED    DRAINING | NodeDrainChanged
      FAILED    Resume           -> FAILED    NODE_READY
      FAILED    NodeHello        -> FAILED    NODE_RETURNED | NodeJoined
      FAILED    NodeSilent       -> FAILED    NODE_SILENT | NodeLost
      FAILED    LeasesSeen       -> FAILED    NOTHING_TO_DO
      FAILED    NodeHeard        -> FAILED    NOTHING_TO_DO
      FAILED    NodeTrouble      -> FAILED    DISK_FULL | NodeTroubleChanged
      FAILED    NodePrepared     -> FAILED    STALE | tells Acknowledge
      FAILED    NodeRejected     -> FAILED    STALE | tells Acknowledge
      FAILED    NodeStarted      -> FAILED    STALE | tells Acknowledge
      FAILED    NodeExited       -> FAILED    STALE | tells Acknowledge
      FAILED    NodeKnowsNothing -> FAILED    STALE
      FAILED    CheckpointSeen   -> FAILED    NOTHING_TO_DO
      FAILED    StepSeen         -> FAILED    NOTHING_TO_DO
      FAILED    ActivitySeen     -> FAILED    NOTHING_TO_DO
      FAILED    ConversionSeen   -> FAILED    NOTHING_TO_DO
      FAILED    WarmSeen         -> FAILED    STANDING_BY | tells StandBy
      FAILED    PairsChecked     -> FAILED    STALE
      FAILED    StateLarge       -> forgotten OVERLOADED | PastForgotten
      FAILED    StoodStill       -> FAILED    NOTHING_TO_DO
      FAILED    Tick             -> FAILED    NOTHING_TO_DO
      FAILED    TookOver         -> FAILED    NOTHING_TO_DO
      CANCELED  Submit           -> CANCELED  CONFLICT refused
      CANCELED  ReleaseHold      -> CANCELED  TERMINAL refused
      CANCELED  Cancel           -> CANCELED  TERMINAL refused
      CANCELED  Drain            -> CANCELED  DRAINING | NodeDrainChanged
      CANCELED  Resume           -> CANCELED  NODE_READY
      CANCELED  NodeHello        -> CANCELED  NODE_RETURNED | NodeJoined
      CANCELED  NodeSilent       -> CANCELED  NODE_SILENT | NodeLost
      CANCELED  LeasesSeen       -> CANCELED  NOTHING_TO_DO
      CANCELED  NodeHeard        -> CANCELED  NOTHING_TO_DO
      CANCELED  NodeTrouble      -> CANCELED  DISK_FULL | NodeTroubleChanged
      CANCELED  NodePrepared     -> CANCELED  STALE | tells Acknowledge
      CANCELED  NodeRejected     -> CANCELED  STALE | tells Acknowledge
      CANCELED  NodeStarted      -> CANCELED  STALE | tells Acknowledge
      CANCELED  NodeExited       -> CANCELED  STALE | tells Acknowledge
      CANCELED  NodeKnowsNothing -> CANCELED  STALE
      CANCELED  CheckpointSeen   -> CANCELED  NOTHING_TO_DO
      CANCELED  StepSeen         -> CANCELED  NOTHING_TO_DO
      CANCELED  ActivitySeen     -> CANCELED  NOTHING_TO_DO
      CANCELED  ConversionSeen   -> CANCELED  NOTHING_TO_DO
      CANCELED  WarmSeen         -> CANCELED  STANDING_BY | tells StandBy
      CANCELED  PairsChecked     -> CANCELED  STALE
      CANCELED  StateLarge       -> forgotten OVERLOADED | PastForgotten
      CANCELED  StoodStill       -> CANCELED  NOTHING_TO_DO
      CANCELED  Tick             -> CANCELED  NOTHING_TO_DO
      CANCELED  TookOver         -> CANCELED  NOTHING_TO_DO
      """;

  private static final Map<JobPhase, Supplier<ACluster>> PHASES = phases();

  private static Map<JobPhase, Supplier<ACluster>> phases() {
    var phases = new EnumMap<JobPhase, Supplier<ACluster>>(JobPhase.class);
    phases.put(JobPhase.QUEUED, ACluster::aJobInBackoff);
    phases.put(JobPhase.PREPARING, EveryPhaseTimesEveryInputTest::preparing);
    phases.put(JobPhase.STARTING, EveryPhaseTimesEveryInputTest::starting);
    phases.put(JobPhase.RUNNING, EveryPhaseTimesEveryInputTest::running);
    phases.put(JobPhase.STOPPING, EveryPhaseTimesEveryInputTest::canceling);
    phases.put(JobPhase.SUCCEEDED, EveryPhaseTimesEveryInputTest::succeeded);
    phases.put(JobPhase.FAILED, EveryPhaseTimesEveryInputTest::failed);
    phases.put(JobPhase.CANCELED, EveryPhaseTimesEveryInputTest::canceled);
    return phases;
  }

  private static ACluster preparing() {
    ACluster cluster = ACluster.aPreparingJob(2, AJob.of(2), 3);
    cluster.prepared(A, node("n1"));
    return cluster;
  }

  private static ACluster starting() {
    ACluster cluster = ACluster.aPreparingJob(2, AJob.of(2), 3);
    cluster.prepares(A);
    cluster.when(new ClusterInput.NodeStarted(node("n1"), cluster.fence(A)));
    return cluster;
  }

  private static ACluster running() {
    return ACluster.aRunningJob(2, AJob.of(2), 3);
  }

  private static ACluster canceling() {
    ACluster cluster = running();
    cluster.cancels(A, Duration.ofSeconds(30));
    return cluster;
  }

  private static ACluster succeeded() {
    ACluster cluster = running();
    cluster.exits("n1", Exit.zero());
    cluster.exits("n2", Exit.zero());
    return cluster;
  }

  private static ACluster failed() {
    ACluster cluster = ACluster.aRunningJob(2, AJob.of(2).budget(0), 3);
    cluster.exits("n1", Exit.killed(0));
    cluster.exits("n2", Exit.stopped());
    return cluster;
  }

  private static ACluster canceled() {
    ACluster cluster = canceling();
    cluster.exits("n1", Exit.stopped());
    cluster.exits("n2", Exit.stopped());
    return cluster;
  }

  /** One telling input of each kind, about rank 1's node and the newest attempt. */
  private static Map<Class<?>, ClusterInput> inputs(ACluster cluster) {
    NodeId n2 = node("n2");
    Fence fence = cluster.lastFence(A);
    var inputs = new LinkedHashMap<Class<?>, ClusterInput>();
    Stream.of(
            new ClusterInput.Submit(A, AJob.of(7).spec()),
            new ClusterInput.ReleaseHold(A),
            new ClusterInput.Cancel(A, Duration.ofSeconds(5)),
            new ClusterInput.Drain(n2),
            new ClusterInput.Resume(n2),
            hello(n2, "disk-n2", "boot-2", 0),
            new ClusterInput.NodeSilent(n2, Duration.ofSeconds(10), LeaseReport.NONE),
            new ClusterInput.LeasesSeen(cluster.leasesNotRenewedOn(n2)),
            new ClusterInput.NodeHeard(n2),
            new ClusterInput.NodeTrouble(n2, Optional.of(Reason.of(ReasonCode.DISK_FULL, "full"))),
            new ClusterInput.NodePrepared(n2, fence, cluster.said(n2)),
            new ClusterInput.NodeRejected(n2, fence, Reason.of(ReasonCode.DISK_FULL, "full")),
            new ClusterInput.NodeStarted(n2, fence),
            new ClusterInput.NodeExited(n2, fence, Exit.killed(1)),
            new ClusterInput.NodeKnowsNothing(n2, fence),
            new ClusterInput.CheckpointSeen(fence, checkpoint(7)),
            new ClusterInput.StepSeen(fence, 8),
            new ClusterInput.ActivitySeen(fence, idleFor(Duration.ofMinutes(15))),
            new ClusterInput.ConversionSeen(
                fence, new ConversionStatus(true, 1, 2, 1 << 20, 1 << 30)),
            new ClusterInput.WarmSeen(n2, poolOf(new JobId("another"))),
            checked(n2, List.of(new NodeId("n3"))),
            new ClusterInput.Tick(),
            new ClusterInput.StoodStill(Duration.ofSeconds(9)),
            new ClusterInput.StateLarge(3_000_000, 2_000_000),
            new ClusterInput.TookOver())
        .forEach(i -> inputs.put(i.getClass(), i));
    return inputs;
  }

  private static ClusterInput checked(NodeId node, List<NodeId> partners) {
    var ordered = new ClusterAction.CheckPairs(node, partners, Optional.empty());
    return new ClusterInput.PairsChecked(ordered, APairWorld.of(9).check(ordered.nodes()));
  }

  private static Optional<WarmStatus> poolOf(JobId job) {
    return Optional.of(
        new WarmStatus(
            job, Optional.empty(), WarmStatus.Phase.READY, Optional.empty(), Optional.empty()));
  }

  private static GangActivity idleFor(Duration time) {
    var seen = new ATraining(ACluster.nodes("n1", "n2"));
    seen.passes(time);
    return seen.seen();
  }

  @Test
  void everyPhaseMeetsEveryInputAsTheTableSays() {
    var lines = new ArrayList<String>();
    for (JobPhase phase : JobPhase.values()) {
      for (Class<?> kind : ClusterInput.class.getPermittedSubclasses()) {
        ACluster cluster = Objects.requireNonNull(PHASES.get(phase)).get();
        assertThat(cluster.phase()).isEqualTo(phase);
        ClusterInput input = inputs(cluster).get(kind);
        assertThat(input).as("an input of each kind is listed").isNotNull();

        Decision decision = cluster.when(input);

        lines.add(
            "%-9s %-16s -> %-9s %s%s"
                .formatted(
                    phase,
                    kind.getSimpleName(),
                    cluster.state.job(A).map(j -> j.phase().name()).orElse("forgotten"),
                    decision.reason().code(),
                    told(decision)));
      }
    }
    assertThat(String.join("\n", lines) + "\n").isEqualTo(TABLE);
  }

  private static String told(Decision decision) {
    String events = names(decision.events());
    String actions = names(decision.actions());
    return (decision.refused() ? " refused" : "")
        + (events.isEmpty() ? "" : " | " + events)
        + (actions.isEmpty() ? "" : " | tells " + actions);
  }

  private static String names(List<?> things) {
    return things.stream()
        .map(t -> t.getClass().getSimpleName())
        .distinct()
        .collect(Collectors.joining(" "));
  }

  // states between the phases, and inputs of every flavour: only what must always hold

  static Stream<String> situations() {
    return SITUATIONS.keySet().stream();
  }

  private static final Map<String, Supplier<ACluster>> SITUATIONS = situationsByName();

  private static Map<String, Supplier<ACluster>> situationsByName() {
    var all = new LinkedHashMap<String, Supplier<ACluster>>();
    PHASES.forEach((phase, make) -> all.put(phase.name(), make));
    all.put(
        "waiting for nodes",
        () -> {
          ACluster cluster = running();
          cluster.drains("n3");
          cluster.silent("n1");
          return cluster;
        });
    all.put(
        "waiting for an old group",
        () -> {
          ACluster cluster = running();
          cluster.silent("n2");
          cluster.prepares(A);
          return cluster;
        });
    all.put(
        "faltering",
        () -> {
          ACluster cluster = running();
          cluster.exits("n1", Exit.peerLoss(0));
          return cluster;
        });
    all.put(
        "faltering while it starts",
        () -> {
          ACluster cluster = starting();
          cluster.exits("n1", Exit.torchrunFailed());
          return cluster;
        });
    all.put(
        "with a suspect",
        () -> {
          ACluster cluster = running();
          cluster.exits("n1", Exit.peerLoss(0));
          cluster.after(Duration.ofSeconds(3));
          return cluster;
        });
    all.put(
        "moving off a drained node",
        () -> {
          ACluster cluster = running();
          cluster.drains("n2");
          return cluster;
        });
    all.put(
        "giving up",
        () -> {
          ACluster cluster = ACluster.aRunningJob(2, AJob.of(2).budget(0), 3);
          cluster.exits("n1", Exit.killed(0));
          return cluster;
        });
    all.put(
        "one node finished",
        () -> {
          ACluster cluster = running();
          cluster.exits("n1", Exit.zeroWithLeftovers());
          return cluster;
        });
    all.put(
        "two jobs",
        () -> {
          ACluster cluster = running();
          cluster.submits(ACluster.B, AJob.of(1));
          cluster.submits(ACluster.C, AJob.of(2).spares(1));
          return cluster;
        });
    all.put(
        "one held, one that will not wait long",
        () -> {
          ACluster cluster = running();
          cluster.submitsHeld(ACluster.B, AJob.of(1));
          cluster.submits(ACluster.C, AJob.of(2).placedWithin(SECOND));
          return cluster;
        });
    return all;
  }

  private static List<ClusterInput> flavours(ACluster cluster) {
    var all = new ArrayList<ClusterInput>(inputs(cluster).values());
    Fence last = cluster.lastFence(A);
    var other = new Fence(1, new JobId("nobody"), Attempt.FIRST);
    var future = new Fence(last.plan() + 1_000, A, new Attempt(99));
    for (NodeId node : ACluster.nodes("n1", "n2", "n3", "stranger")) {
      all.add(new ClusterInput.Drain(node));
      all.add(new ClusterInput.Resume(node));
      all.add(new ClusterInput.NodeSilent(node, Duration.ofSeconds(10), LeaseReport.NONE));
      all.add(new ClusterInput.NodeSilent(node, Duration.ofSeconds(10), cluster.leases()));
      all.add(new ClusterInput.LeasesSeen(cluster.leasesNotRenewedOn(node)));
      all.add(new ClusterInput.NodeHeard(node));
      all.add(
          new ClusterInput.NodeTrouble(node, Optional.of(Reason.of(ReasonCode.DISK_FULL, "full"))));
      all.add(new ClusterInput.NodeTrouble(node, Optional.empty()));
      all.add(checked(node, ACluster.nodes("n9")));
      all.add(helloAgain(node.value()));
      all.add(hello(node, "another", "boot-1", 0));
      all.add(hello(node, "another", "boot-2", 0));
      Stream<Fence> own = cluster.job().attempts().stream().map(AttemptRecord::fence);
      for (Fence fence : Stream.concat(own, Stream.of(other, future)).toList()) {
        all.add(new ClusterInput.NodePrepared(node, fence, cluster.said(node)));
        all.add(new ClusterInput.NodeStarted(node, fence));
        all.add(new ClusterInput.NodeKnowsNothing(node, fence));
        all.add(new ClusterInput.CheckpointSeen(fence, checkpoint(9)));
        all.add(new ClusterInput.StepSeen(fence, 9));
        all.add(
            new ClusterInput.ConversionSeen(fence, new ConversionStatus(false, 0, 0, 0, 1 << 30)));
        all.add(new ClusterInput.ActivitySeen(fence, idleFor(Duration.ofSeconds(5))));
        all.add(new ClusterInput.ActivitySeen(fence, idleFor(Duration.ofHours(5))));
        for (ReasonCode code :
            List.of(ReasonCode.STALE, ReasonCode.DISK_FULL, ReasonCode.SCRIPT_MISSING)) {
          all.add(new ClusterInput.NodeRejected(node, fence, Reason.of(code, "so")));
          all.add(new ClusterInput.NodeExited(node, fence, Exit.neverStarted(code)));
        }
        for (var exit :
            List.of(
                Exit.zero(),
                Exit.zeroWithLeftovers(),
                Exit.killed(1),
                Exit.raised(1, "ValueError"),
                Exit.peerLoss(1),
                Exit.portTaken(),
                Exit.torchrunFailed(),
                Exit.shimLost(),
                Exit.stopped(),
                Exit.unproven())) {
          all.add(new ClusterInput.NodeExited(node, fence, exit));
        }
        for (GroupStatus.Phase phase :
            List.of(GroupStatus.Phase.PREPARED, GroupStatus.Phase.RUNNING)) {
          all.add(helloAgain(node.value(), group(fence, phase)));
        }
        all.add(helloAgain(node.value(), ACluster.ended(fence, Exit.zero())));
        all.add(helloAgain(node.value(), ACluster.ended(fence, Exit.peerLoss(1))));
      }
    }
    for (JobId id : List.of(A, ACluster.B, new JobId("nobody"))) {
      all.add(new ClusterInput.Cancel(id, Duration.ZERO));
      all.add(new ClusterInput.Cancel(id, Duration.ofDays(1)));
    }
    all.add(new ClusterInput.Submit(A, AJob.of(2).spec()));
    all.add(new ClusterInput.Submit(new JobId("held"), AJob.of(1).spec(), true));
    all.add(new ClusterInput.ReleaseHold(ACluster.B));
    all.add(new ClusterInput.ReleaseHold(new JobId("nobody")));
    return all;
  }

  @ParameterizedTest
  @MethodSource("situations")
  void whateverComesInTheInvariantsHold(String situation) {
    Supplier<ACluster> make = Objects.requireNonNull(SITUATIONS.get(situation));
    int count = flavours(make.get()).size();
    for (int i = 0; i < count; i++) {
      ACluster cluster = make.get();
      cluster.when(flavours(cluster).get(i));
      cluster.after(SECOND);
      cluster.takesOver();
      cluster.after(LOST_WAIT.plus(LOST_WAIT));
      cluster.after(LOST_WAIT.plus(LOST_WAIT));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3})
  void alongRandomWalksTheInvariantsHold(int nodes) {
    for (int seed = 0; seed < 60; seed++) {
      var random = new Random(seed);
      ACluster cluster = ACluster.of(4);
      cluster.submits(A, AJob.of(nodes).spares(1).budget(5));
      cluster.submits(ACluster.B, AJob.of(1));
      for (int step = 0; step < 100; step++) {
        walk(cluster, random);
      }
    }
  }

  private static void walk(ACluster cluster, Random random) {
    if (cluster.state.job(A).isEmpty()) {
      return; // over, and forgotten
    }
    int dice = random.nextInt(10);
    Job job = cluster.job();
    if (dice < 5 && job.current().isPresent()) {
      List<NodeId> gang = cluster.gang();
      NodeId node = gang.get(random.nextInt(gang.size()));
      switch (job.phase()) {
        case PREPARING -> cluster.prepared(A, node);
        case STARTING -> cluster.when(new ClusterInput.NodeStarted(node, cluster.fence(A)));
        case RUNNING, STOPPING -> cluster.exits(node.value(), Exit.stopped());
        case QUEUED, SUCCEEDED, FAILED, CANCELED -> {}
      }
    } else if (dice < 7) {
      cluster.after(Duration.ofMillis(random.nextInt(15_000)));
    } else {
      List<ClusterInput> all =
          job.attempts().isEmpty() ? List.of(new ClusterInput.Tick()) : flavours(cluster);
      cluster.when(all.get(random.nextInt(all.size())));
    }
  }

  @Test
  void everySubclassHasALineInTheTable() {
    for (Class<?> type : ClusterInput.class.getPermittedSubclasses()) {
      String kind = type.getSimpleName();
      assertThat(TABLE.lines().filter(l -> l.contains(" " + kind + " ")).count())
          .as(kind)
          .isEqualTo(JobPhase.values().length);
    }
  }
}
