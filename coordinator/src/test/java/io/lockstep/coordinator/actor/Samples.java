package io.lockstep.coordinator.actor;

import akka.actor.typed.ActorRef;
import io.lockstep.coordinator.core.AttemptRecord;
import io.lockstep.coordinator.core.ClusterEvent;
import io.lockstep.coordinator.core.Diagnosis;
import io.lockstep.coordinator.core.Ending;
import io.lockstep.coordinator.core.JobPhase;
import io.lockstep.coordinator.core.Node;
import io.lockstep.coordinator.core.NodeVerdict;
import io.lockstep.coordinator.core.PreparedNode;
import io.lockstep.coordinator.core.Preview;
import io.lockstep.coordinator.core.Suspicion;
import io.lockstep.protocol.api.ClusterView;
import io.lockstep.protocol.api.EventView;
import io.lockstep.protocol.api.JobView;
import io.lockstep.protocol.api.NodeView;
import io.lockstep.protocol.api.SeatsView;
import io.lockstep.protocol.message.ToAgent;
import io.lockstep.protocol.message.Wire;
import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.CheckpointInventory;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.FailureCause;
import io.lockstep.protocol.model.FailureClass;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.GpuInfo;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.NodeInventory;
import io.lockstep.protocol.model.OnExisting;
import io.lockstep.protocol.model.RankTable;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import io.lockstep.protocol.model.StartLengths;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** One of each that is stored or sent. Changing one changes its golden bytes. */
final class Samples {
  static final JobId JOB = new JobId("qwen3-4f2a");
  static final JobId OTHER = new JobId("llama");
  static final JobId FORGOTTEN = new JobId("long-ago");
  static final NodeId GPU_1 = new NodeId("gpu-01");
  static final NodeId GPU_2 = new NodeId("gpu-02");
  static final Suspicion SUSPICION =
      new Suspicion(
          Duration.ofSeconds(130),
          "2m (learned)",
          340,
          Optional.of(GPU_2),
          Optional.of(1),
          Instant.parse("2026-01-01T00:00:31Z"),
          Duration.ZERO,
          List.of(GPU_2));
  static final NodeId GPU_3 = new NodeId("gpu-03");
  static final CompleteCheckpoint CHECKPOINT =
      new CompleteCheckpoint("/data/out/checkpoint-30", 30, 4);
  static final JobSpec SPEC =
      new JobSpec(
          "qwen3",
          "/data/run1/pretraining.py",
          List.of("--num_train_epochs", "0.5"),
          "/data/run1",
          2,
          2,
          List.of(0, 1),
          1,
          5,
          Optional.of(
              new JobSpec.Zero(
                  2, Optional.of("{\"zero_optimization\":{\"stage\":2}}"), "--deepspeed")),
          JobSpec.Paths.NONE,
          Map.of("NCCL_DEBUG", "WARN"),
          new JobSpec.Checkpoint(
              Optional.of("/data/out"),
              true,
              Optional.of("--resume_from_checkpoint"),
              CheckpointFormat.HF_DEEPSPEED,
              OnExisting.AUTO),
          JobSpec.Restart.DEFAULT,
          JobSpec.Deadlines.DEFAULT,
          "auto",
          Optional.empty());
  private static final Instant NOON = Instant.parse("2026-11-24T12:00:00.123456Z");
  private static final Fence FIRST = new Fence(6, JOB, Attempt.FIRST);
  private static final Fence SECOND = new Fence(16, JOB, new Attempt(2));

  private Samples() {}

  /** A life in which every event happens: a gang loses a node, goes on elsewhere, is canceled. */
  static List<ClusterEvent> life() {
    var prepared =
        new PreparedNode(
            Optional.of(29_512),
            Optional.of("5a5a"),
            "a5a5",
            new CheckpointInventory(
                Optional.of(new CheckpointInventory.Owner("qwen3-4f2a", "qwen3")),
                List.of(CHECKPOINT),
                List.of("checkpoint-40: rank 3 is missing")),
            Optional.empty(),
            Optional.of("boot-1"));
    return List.of(
        joined(1, GPU_1),
        joined(2, GPU_2),
        joined(3, GPU_3),
        new ClusterEvent.JobQueued(JOB, SPEC, at(4), why(ReasonCode.QUEUED)),
        new ClusterEvent.JobWaits(JOB, at(5), why(ReasonCode.WAITING_FOR_NODES)),
        planned(6, FIRST, List.of(GPU_2, GPU_1), List.of(GPU_3)),
        new ClusterEvent.NodePrepared(FIRST, GPU_1, prepared, at(7), why(ReasonCode.PREPARING)),
        new ClusterEvent.AttemptReleased(
            FIRST, 29_512, Optional.empty(), true, at(8), why(ReasonCode.ALL_PREPARED)),
        new ClusterEvent.ConversionOrdered(
            FIRST, GPU_1, CHECKPOINT, at(8), why(ReasonCode.CONVERTING)),
        new ClusterEvent.CheckpointPassedOver(
            FIRST, GPU_1, at(8), why(ReasonCode.CHECKPOINT_INCOMPLETE)),
        new ClusterEvent.NodeStarted(FIRST, GPU_1, at(9), why(ReasonCode.ALL_STARTED)),
        new ClusterEvent.AttemptRunning(FIRST, at(10), why(ReasonCode.ALL_STARTED)),
        new ClusterEvent.AttemptStepped(
            FIRST,
            1,
            at(10),
            why(ReasonCode.ALL_STARTED),
            Optional.of(new StartLengths(310, Optional.of(520L)))),
        new ClusterEvent.AttemptTakenOver(FIRST, at(10), why(ReasonCode.NOTHING_TO_DO)),
        new ClusterEvent.CheckpointSeen(JOB, CHECKPOINT, at(11), why(ReasonCode.NOTHING_TO_DO)),
        new ClusterEvent.AttemptSuspected(FIRST, SUSPICION, at(11), why(ReasonCode.STANDS_STILL)),
        new ClusterEvent.StragglerSeen(FIRST, GPU_2, 1, at(11), why(ReasonCode.STRAGGLER)),
        new ClusterEvent.AttemptCleared(FIRST, at(11), why(ReasonCode.MOVES_AGAIN)),
        new ClusterEvent.AttemptFaltered(
            FIRST, cause(Optional.of(1), true), at(13), at(11), why(ReasonCode.WORKERS_FAILED)),
        new ClusterEvent.NodeExited(
            FIRST,
            GPU_1,
            Optional.of(cause(Optional.of(0), true)),
            at(11),
            why(ReasonCode.WORKERS_FAILED)),
        new ClusterEvent.NodeSuspected(GPU_2, at(11), why(ReasonCode.NODE_SILENT)),
        new ClusterEvent.NodeHeard(GPU_2, at(11), why(ReasonCode.NODE_READY)),
        new ClusterEvent.NodeLost(GPU_2, at(12), why(ReasonCode.NODE_SILENT)),
        new ClusterEvent.NodeQuarantineChanged(
            GPU_2,
            Optional.of(at(900)),
            at(12),
            why(ReasonCode.QUARANTINED),
            Optional.of(new Node.Trial(at(12), at(13), List.of(GPU_3))),
            Optional.of(at(11))),
        new ClusterEvent.AttemptFailed(
            FIRST,
            cause(Optional.empty(), true),
            true,
            Optional.of(at(60)),
            at(13),
            why(ReasonCode.RESTARTING)),
        new ClusterEvent.LeaseRevoked(JOB, at(14), why(ReasonCode.FINISHING)),
        new ClusterEvent.CauseRefined(
            FIRST, cause(Optional.of(2), false), at(15), why(ReasonCode.WORKERS_FAILED)),
        new ClusterEvent.FailureFollowed(
            FIRST, GPU_1, cause(Optional.of(0), true), at(15), why(ReasonCode.WORKERS_FAILED)),
        planned(17, SECOND, List.of(GPU_3, GPU_1), List.of()),
        new ClusterEvent.GroupGone(FIRST, GPU_1, at(17), why(ReasonCode.NOTHING_TO_DO)),
        new ClusterEvent.AttemptReleased(
            SECOND, 29_513, Optional.of(CHECKPOINT), false, at(18), why(ReasonCode.ALL_PREPARED)),
        new ClusterEvent.NodeFinished(SECOND, GPU_3, at(19), why(ReasonCode.FINISHING)),
        new ClusterEvent.SparesChanged(SECOND, List.of(GPU_2), at(19), why(ReasonCode.NODE_READY)),
        new ClusterEvent.NodeTroubleChanged(
            GPU_3, Optional.of(why(ReasonCode.DISK_FULL)), at(19), why(ReasonCode.DISK_FULL)),
        new ClusterEvent.NodeDrainChanged(GPU_1, true, at(20), why(ReasonCode.DRAINING)),
        new ClusterEvent.JobStopping(
            JOB,
            Ending.RESTART,
            Duration.ofMillis(30_500),
            Optional.of(cause(Optional.of(0), false)),
            Optional.of(3),
            at(21),
            why(ReasonCode.NODE_DRAINED),
            Optional.of(Duration.ofSeconds(20))),
        new ClusterEvent.JobRequeued(JOB, at(22), why(ReasonCode.RESTARTING)),
        new ClusterEvent.JobQueued(OTHER, SPEC, at(23), why(ReasonCode.QUEUED)),
        new ClusterEvent.JobHoldChanged(OTHER, true, at(24), why(ReasonCode.HELD)),
        new ClusterEvent.JobEnded(JOB, JobPhase.CANCELED, 7, at(24), why(ReasonCode.CANCELED)),
        new ClusterEvent.JobQueued(FORGOTTEN, SPEC, at(25), why(ReasonCode.QUEUED)),
        new ClusterEvent.JobEnded(
            FORGOTTEN, JobPhase.CANCELED, 7, at(26), why(ReasonCode.CANCELED)),
        new ClusterEvent.PastForgotten(List.of(FORGOTTEN), 2, at(27), why(ReasonCode.OVERLOADED)));
  }

  /** Every request and answer. */
  static List<Wire> messages(ActorRef<Object> someone) {
    ActorRef<CoordinatorAnswer> asker = someone.narrow();
    ActorRef<ToAgent> agent = someone.narrow();
    Reason reason = why(ReasonCode.QUEUED);
    return List.of(
        new CoordinatorRequest.Submit(Optional.of(JOB), SPEC, true, asker),
        new CoordinatorRequest.Release(JOB, asker),
        new CoordinatorRequest.DryRun(Optional.of(JOB), SPEC, asker),
        new CoordinatorAnswer.WouldStart(
            LaunchPreview.of(
                JOB,
                SPEC,
                new Preview(
                    Optional.of(new RankTable(List.of(new RankTable.Entry(GPU_1, "10.0.0.1")), 2)),
                    List.of(GPU_2),
                    reason,
                    List.of(new NodeVerdict(GPU_3, false, "lost"))))),
        new CoordinatorRequest.Cancel(JOB, Duration.ofSeconds(30), asker, true),
        new CoordinatorRequest.Drain(GPU_1, asker),
        new CoordinatorRequest.Resume(GPU_1, asker),
        new CoordinatorRequest.ListJobs(asker),
        new CoordinatorRequest.DescribeJob(JOB, asker),
        new CoordinatorRequest.ListNodes(asker),
        new CoordinatorRequest.ListEvents(Optional.of(JOB), 41, 100, asker),
        new CoordinatorRequest.DescribeCluster(asker),
        new CoordinatorRequest.LocateNodes(List.of(GPU_3), asker),
        new CoordinatorRequest.LocateLog(JOB, Optional.of(new Attempt(2)), Optional.of(3), asker),
        new CoordinatorAnswer.Refused(reason),
        new CoordinatorAnswer.Submitted(JOB, true, reason),
        new CoordinatorAnswer.Done(reason),
        new CoordinatorAnswer.Jobs(List.of(job())),
        new CoordinatorAnswer.Job(job()),
        new CoordinatorAnswer.Nodes(List.of(node())),
        new CoordinatorAnswer.Events(
            List.of(
                new EventView(
                    13,
                    at(13),
                    "AttemptFailed",
                    Optional.of("qwen3-4f2a"),
                    Optional.of(1),
                    Optional.of("gpu-02"),
                    view(reason)))),
        new CoordinatorAnswer.Cluster(
            new ClusterView("0.1.0", Optional.of("gpu-01"), 7, 41, List.of("10.0.0.1:1"), 3, 1)),
        new CoordinatorRequest.ListSeats(asker),
        new CoordinatorRequest.AddSeat("gpu-04", asker),
        new CoordinatorRequest.RemoveSeat("gpu-04", asker),
        new CoordinatorRequest.ReplaceSeat("gpu-03", "gpu-04", asker),
        new CoordinatorAnswer.Seats(
            new SeatsView(
                2,
                2,
                3,
                List.of(
                    new SeatsView.SeatView(
                        "10.0.0.1:25520",
                        Optional.of("gpu-01"),
                        "FOLLOWS",
                        41,
                        Optional.of("disk-1"),
                        true,
                        "")))),
        new CoordinatorAnswer.NodePlaces(
            List.of(new CoordinatorAnswer.NodePlace(GPU_3, "10.0.0.3", Optional.of(agent)))),
        new CoordinatorAnswer.LogPlace(agent, JOB, 2, 3, 1));
  }

  private static Instant at(int seconds) {
    return NOON.plusSeconds(seconds);
  }

  private static Reason why(ReasonCode code) {
    return new Reason(code, "because of " + code);
  }

  static ClusterEvent joined(int seconds, NodeId node) {
    var inventory =
        new NodeInventory(
            "10.0.0." + seconds,
            node + ".example",
            "boot-" + seconds,
            64,
            549_755_813_888L,
            List.of(new GpuInfo(0, "GPU-1a2b", "H100", 85_899_345_920L)),
            "/opt/venv/bin/python",
            "0.1.0",
            -1);
    return new ClusterEvent.NodeJoined(
        node, "disk-" + seconds, inventory, at(seconds), why(ReasonCode.NODE_JOINED));
  }

  private static ClusterEvent planned(
      int seconds, Fence fence, List<NodeId> nodes, List<NodeId> spares) {
    var table =
        new RankTable(nodes.stream().map(n -> new RankTable.Entry(n, n + ".example")).toList(), 2);
    return new ClusterEvent.AttemptPlanned(
        fence,
        table,
        Map.of(nodes.get(0), "disk-a", nodes.get(1), "disk-b"),
        spares,
        at(seconds),
        why(ReasonCode.PREPARING));
  }

  private static AttemptRecord.Cause cause(Optional<Integer> rank, boolean peerLoss) {
    return new AttemptRecord.Cause(
        FailureCause.WORKER_FAILED,
        Optional.of(GPU_2),
        rank,
        "ValueError: ß",
        "Traceback (most recent call last):",
        peerLoss,
        Optional.of(
            new Diagnosis(
                FailureClass.USER_CODE,
                "exception",
                "ValueError: ß",
                "raised",
                "read it",
                Optional.of(at(12)),
                Optional.of(31L))));
  }

  private static JobView.ReasonView view(Reason reason) {
    return new JobView.ReasonView(reason.code().name(), reason.message());
  }

  private static JobView job() {
    var table = List.of(new JobView.RankView(0, "gpu-01", "10.0.0.1"));
    return new JobView(
        "qwen3-4f2a",
        "qwen3",
        "RUNNING",
        view(why(ReasonCode.ALL_STARTED)),
        2,
        new JobView.RestartsView(1, 0, 10),
        2,
        2,
        Optional.of(2),
        table,
        Optional.of("10.0.0.1"),
        Optional.of(29_512),
        Optional.of(new JobView.CheckpointView("/data/out/checkpoint-30", 30, 4)),
        Optional.of(new JobView.ProgressView(35, 79, Optional.of(2.3112), Optional.of(2.5))),
        List.of(
            new JobView.AttemptView(
                1,
                at(6),
                Optional.of(at(10)),
                Optional.of(at(13)),
                Optional.of(
                    new JobView.CauseView(
                        "NODE_SILENT", Optional.of("gpu-02"), Optional.of(2), "not heard")),
                Optional.of(10L),
                Optional.of(at(11)),
                table,
                Optional.of("Traceback"))),
        Optional.of(0),
        1,
        at(4),
        Optional.of(at(60)),
        List.of("gpu-03"));
  }

  private static NodeView node() {
    return new NodeView(
        "gpu-01",
        "10.0.0.1",
        "READY",
        true,
        false,
        2,
        List.of(new NodeView.GpuView(0, "GPU-1a2b", "H100", 85_899_345_920L)),
        Optional.of("qwen3-4f2a"),
        Optional.of(0),
        view(why(ReasonCode.NODE_READY)),
        List.of(4_211L),
        Optional.of(1));
  }
}
