package io.lockstep.coordinator.plan;

import io.lockstep.coordinator.core.ClusterAction;
import io.lockstep.coordinator.core.ClusterInput;
import io.lockstep.coordinator.core.ClusterMachine;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.coordinator.core.Decision;
import io.lockstep.coordinator.core.Job;
import io.lockstep.coordinator.core.JobPhase;
import io.lockstep.coordinator.core.Lease;
import io.lockstep.coordinator.core.LeaseReport;
import io.lockstep.coordinator.core.LeaseStanding;
import io.lockstep.coordinator.core.OpenGroup;
import io.lockstep.coordinator.core.PreparedNode;
import io.lockstep.protocol.model.CheckpointInventory;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.GpuInfo;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.NodeInventory;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * One job on imagined nodes that answer every command at once, driven by the real machine in
 * imagined time. Nodes can die; the rest renew their leases.
 */
final class ImaginedCluster {
  /** How often the coordinator looks, and the seats are asked. */
  private static final Duration TICK = Duration.ofMillis(500);

  /** Unless somebody sets node-silent-after (docs/operations.md). */
  private static final Duration SILENT_AFTER = Duration.ofSeconds(10);

  private static final int MAX_INPUTS = 100_000;
  private static final Instant BEGIN = Instant.parse("2026-01-01T00:00:00Z");

  private final ClusterMachine machine = new ClusterMachine();
  private final JobId id = new JobId("plan");
  private final Map<Lease, Instant> granted = new HashMap<>();
  private final Map<NodeId, Instant> dead = new HashMap<>();
  private final Set<NodeId> toldSilent = new HashSet<>();
  private final Deque<ClusterInput> inbox = new ArrayDeque<>();
  private final JobSpec spec;
  private ClusterState state = ClusterState.EMPTY;
  private Instant now = BEGIN;
  private CheckpointInventory checkpoints = CheckpointInventory.EMPTY;
  private Optional<CompleteCheckpoint> resumed = Optional.empty();
  private int inputs;

  /** A running job, with as many nodes as it takes and as many spares as it asks for. */
  ImaginedCluster(JobSpec spec, int gpusPerNode) {
    this.spec = spec;
    for (int i = 0; i < spec.nodes() + spec.spares(); i++) {
      hear(hello(new NodeId("node-" + i), gpusPerNode));
    }
    hear(new ClusterInput.Submit(id, spec));
  }

  Job job() {
    return state.job(id).orElseThrow();
  }

  Instant now() {
    return now;
  }

  Optional<CompleteCheckpoint> resumed() {
    return resumed;
  }

  /** Training got to this step, and before that wrote a checkpoint. */
  void trains(long step, long checkpointStep) {
    Fence fence = fence();
    if (checkpointStep > 0) {
      var checkpoint =
          new CompleteCheckpoint(
              "checkpoint-" + checkpointStep, checkpointStep, spec.nodes() * job().procsPerNode());
      checkpoints =
          new CheckpointInventory(
              Optional.of(new CheckpointInventory.Owner(id.value(), spec.name())),
              List.of(checkpoint),
              List.of());
      hear(new ClusterInput.CheckpointSeen(fence, checkpoint));
    }
    hear(new ClusterInput.StepSeen(fence, step));
  }

  /** A worker of the last node is killed; a tick later the others have lost their peer. */
  void killsAWorker() {
    List<NodeId> gang = gang();
    Fence fence = fence();
    NodeId node = gang.get(gang.size() - 1);
    hear(new ClusterInput.NodeExited(node, fence, Ends.killed(now)));
    passes();
    peersNotice(gang, fence, Set.of(node));
  }

  /** The last nodes of the gang lose power; a tick later the others have lost their peers. */
  void losesHosts(int count) {
    List<NodeId> gang = gang();
    Fence fence = fence();
    List<NodeId> lost = gang.subList(gang.size() - count, gang.size());
    lost.forEach(node -> dead.put(node, now));
    passes();
    peersNotice(gang, fence, Set.copyOf(lost));
  }

  /** Another coordinator begins with the stored state. */
  void losesTheCoordinator() {
    hear(new ClusterInput.TookOver());
  }

  /** Lets time pass until an attempt after {@code attempts} runs, or the job is over. */
  void waitsForMoreThan(int attempts, Duration most) {
    Instant end = now.plus(most);
    while (!isSettled(attempts) && now.isBefore(end)) {
      passes();
    }
  }

  private boolean isSettled(int attempts) {
    JobPhase phase = job().phase();
    return phase.isTerminal() || (phase == JobPhase.RUNNING && job().attemptsMade() > attempts);
  }

  private void peersNotice(List<NodeId> gang, Fence fence, Set<NodeId> without) {
    for (NodeId node : gang) {
      if (!without.contains(node) && isOpen(node, fence)) {
        hear(new ClusterInput.NodeExited(node, fence, Ends.lostItsPeer(now)));
      }
    }
  }

  private void passes() {
    now = now.plus(TICK);
    renew();
    hear(new ClusterInput.Tick());
    hear(new ClusterInput.LeasesSeen(leases()));
    for (Map.Entry<NodeId, Instant> entry : dead.entrySet()) {
      Duration silent = Duration.between(entry.getValue(), now);
      if (silent.compareTo(SILENT_AFTER) >= 0 && toldSilent.add(entry.getKey())) {
        hear(new ClusterInput.NodeSilent(entry.getKey(), silent, leases()));
      }
    }
  }

  private void hear(ClusterInput first) {
    inbox.add(first);
    while (!inbox.isEmpty()) {
      if (++inputs > MAX_INPUTS) {
        throw new IllegalStateException("the machine and the imagined nodes never come to rest");
      }
      Decision decision = machine.decide(state, inbox.remove(), now);
      state = decision.after(state);
      renew();
      decision.actions().stream()
          .filter(action -> !dead.containsKey(action.node()))
          .forEach(this::answer);
    }
  }

  private void answer(ClusterAction action) {
    if (action instanceof ClusterAction.Prepare prepare) {
      var said = new PreparedNode(Optional.of(29_500), Optional.of("zero"), "script", checkpoints);
      inbox.add(new ClusterInput.NodePrepared(action.node(), prepare.launch().fence(), said));
    } else if (action instanceof ClusterAction.Start start) {
      resumed = start.resume();
      inbox.add(new ClusterInput.NodeStarted(action.node(), start.fence(), Optional.empty()));
    } else if (action instanceof ClusterAction.Stop stop && isOpen(stop.node(), stop.fence())) {
      inbox.add(new ClusterInput.NodeExited(stop.node(), stop.fence(), Ends.stopped(now)));
    }
  }

  private boolean isOpen(NodeId node, Fence fence) {
    return job().open().stream()
        .anyMatch(group -> group.node().equals(node) && group.fence().equals(fence));
  }

  private List<NodeId> gang() {
    return job().table().orElseThrow().nodes();
  }

  private Fence fence() {
    return job().current().orElseThrow().fence();
  }

  private void renew() {
    for (Job each : state.jobs().values()) {
      for (OpenGroup group : each.open()) {
        var lease = new Lease(group.fence(), group.node());
        if (state.standing(lease) == LeaseStanding.PERMITTED && !dead.containsKey(group.node())) {
          granted.put(lease, now);
        }
      }
    }
  }

  private LeaseReport leases() {
    var said = LeaseReport.Said.of(state.version(), now, BEGIN.minus(TICK), granted);
    return new LeaseReport(2, List.of(said, said, said));
  }

  private static ClusterInput.NodeHello hello(NodeId node, int gpus) {
    var found = new ArrayList<GpuInfo>();
    for (int i = 0; i < gpus; i++) {
      found.add(new GpuInfo(i, node + "-" + i, "GPU", 1));
    }
    var inventory =
        new NodeInventory(node.value(), node.value(), "boot", 1, 1, found, "python3", "plan", -1);
    return new ClusterInput.NodeHello(node, "disk-" + node, inventory, List.of());
  }

  /** Ends of worker groups, as agents report them. */
  private static final class Ends {
    static ExitReport killed(Instant at) {
      return failed(at, Optional.empty(), Optional.of(9), "killed by signal 9", false);
    }

    static ExitReport lostItsPeer(Instant at) {
      return failed(at, Optional.of(1), Optional.empty(), "Connection reset by peer", true);
    }

    static ExitReport stopped(Instant at) {
      return report(ExitReport.Outcome.STOPPED, Optional.empty(), at);
    }

    private static ExitReport failed(
        Instant at, Optional<Integer> code, Optional<Integer> signal, String text, boolean peer) {
      var first = new ExitReport.FirstFailure(0, 0, code, signal, at, text, "", peer);
      return report(ExitReport.Outcome.FAILED, Optional.of(first), at);
    }

    private static ExitReport report(
        ExitReport.Outcome outcome, Optional<ExitReport.FirstFailure> first, Instant at) {
      return new ExitReport(
          outcome,
          Optional.of(1),
          Optional.empty(),
          first,
          true,
          false,
          Optional.empty(),
          List.of(),
          at);
    }
  }
}
