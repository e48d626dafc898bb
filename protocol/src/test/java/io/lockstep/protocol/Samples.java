package io.lockstep.protocol;

import akka.actor.typed.ActorRef;
import io.lockstep.protocol.message.AgentCommand;
import io.lockstep.protocol.message.AgentQuery;
import io.lockstep.protocol.message.AgentReport;
import io.lockstep.protocol.message.ToAgent;
import io.lockstep.protocol.message.Wire;
import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.CheckpointInventory;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.GpuInfo;
import io.lockstep.protocol.model.GroupActivity;
import io.lockstep.protocol.model.GroupStatus;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.NodeInventory;
import io.lockstep.protocol.model.NodeReadings;
import io.lockstep.protocol.model.OnExisting;
import io.lockstep.protocol.model.PairOutcome;
import io.lockstep.protocol.model.PairReading;
import io.lockstep.protocol.model.Progress;
import io.lockstep.protocol.model.RankActivity;
import io.lockstep.protocol.model.RankTable;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import io.lockstep.protocol.model.StandbyOrder;
import io.lockstep.protocol.model.StartLengths;
import io.lockstep.protocol.model.Term;
import io.lockstep.protocol.model.WarmStatus;
import io.lockstep.protocol.model.WorkerInfo;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** One of each, with every optional field filled. Changing one changes its golden bytes. */
public final class Samples {
  public static final Term TERM = new Term(7);
  public static final NodeId NODE = new NodeId("gpu-01");
  public static final JobId JOB = new JobId("qwen3-pretrain-4f2a");
  public static final Fence FENCE = new Fence(41, JOB, new Attempt(3));
  public static final Instant AT = Instant.parse("2026-11-24T12:00:00.123456Z");
  public static final Reason REASON = new Reason(ReasonCode.STALE, "plan 40 is void");
  public static final CompleteCheckpoint CHECKPOINT =
      new CompleteCheckpoint("/data/out/checkpoint-30", 30, 4);
  public static final WorkerInfo WORKER = new WorkerInfo(2, 0, 4_211);
  public static final Progress PROGRESS =
      new Progress(35, 79, Optional.of(2.3112), Optional.of(2.5), AT);
  public static final CheckpointInventory CHECKPOINTS =
      new CheckpointInventory(
          Optional.of(new CheckpointInventory.Owner("qwen3-pretrain-4f2a", "qwen3-pretrain")),
          List.of(CHECKPOINT),
          List.of("checkpoint-40: model_states of rank 3 is missing"));
  public static final RankTable TABLE =
      new RankTable(
          List.of(
              new RankTable.Entry(NODE, "10.0.0.1"),
              new RankTable.Entry(new NodeId("gpu-02"), "10.0.0.2")),
          2);
  public static final NodeInventory INVENTORY =
      new NodeInventory(
          "10.0.0.1",
          "gpu-01.example",
          "6f1c",
          64,
          549_755_813_888L,
          List.of(new GpuInfo(0, "GPU-1a2b", "H100", 85_899_345_920L)),
          "/opt/venv/bin/python",
          "0.1.0",
          -1);
  public static final ExitReport EXIT =
      new ExitReport(
          ExitReport.Outcome.FAILED,
          Optional.of(1),
          Optional.of(9),
          Optional.of(
              new ExitReport.FirstFailure(
                  2,
                  0,
                  Optional.of(1),
                  Optional.of(11),
                  AT,
                  "ValueError: ß",
                  "Traceback (most recent call last):",
                  false)),
          true,
          false,
          Optional.of(REASON),
          List.of("step 35", "Boom"),
          AT);
  public static final JobSpec JOB_SPEC =
      new JobSpec(
          "qwen3-pretrain",
          "pretraining.py",
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
          new JobSpec.Paths(
              Optional.of("/m"),
              Optional.of("/t"),
              Optional.of("/train"),
              Optional.of("/valid"),
              Optional.of("/out"),
              Optional.of("/cache")),
          Map.of("NCCL_DEBUG", "WARN", "A", "1", "Z", ""),
          new JobSpec.Checkpoint(
              Optional.of("/data/out"),
              true,
              Optional.of("--resume_from_checkpoint"),
              CheckpointFormat.HF_DEEPSPEED,
              OnExisting.AUTO),
          JobSpec.Restart.DEFAULT,
          JobSpec.Deadlines.DEFAULT,
          "auto",
          Optional.of("/opt/venv/bin/python"));
  public static final Optional<String> FOUNDING = Optional.of("founding-1");
  public static final LaunchSpec LAUNCH =
      new LaunchSpec(
          FENCE,
          NODE,
          0,
          TABLE,
          "disk-1",
          JOB_SPEC,
          Optional.of("{\"train_batch_size\":4}"),
          "NODE_SILENT");
  public static final GroupStatus GROUP =
      new GroupStatus(
              FENCE,
              GroupStatus.Phase.EXITED,
              List.of(WORKER),
              Optional.of(PROGRESS),
              Optional.of(CHECKPOINT),
              Optional.of(EXIT),
              Optional.of(
                  new GroupActivity(
                      75_000,
                      1_000,
                      2_500,
                      340,
                      true,
                      1_000,
                      List.of(new RankActivity(1, 340, 75_000, 12, "T", 2_400, 480)),
                      Optional.of(
                          new GroupActivity.Stacks(
                              900,
                              List.of(
                                  new GroupActivity.RankStack(
                                      1, Optional.of("py-spy"), false, true, "all_reduce")),
                              "rank 1, pid 77, state T")))))
          .started(Optional.of(new StartLengths(310, Optional.of(520L))));

  private Samples() {}

  public static final StandbyOrder STANDBY =
      new StandbyOrder(FENCE, JOB_SPEC, 2, Optional.of("{}"));
  public static final WarmStatus WARM =
      new WarmStatus(
          JOB,
          Optional.of(FENCE),
          WarmStatus.Phase.FAILED,
          Optional.of(680_000_000L),
          Optional.of("its import ends Python"));

  /**
   * Every message between coordinator and agents.
   *
   * @param someone stands for any sender; its path is in the bytes
   */
  public static List<Wire> messages(ActorRef<Object> someone) {
    ActorRef<ToAgent> agent = someone.narrow();
    ActorRef<AgentQuery.LogChunk> asker = someone.narrow();
    return List.of(
        new AgentCommand.Prepare(TERM, FOUNDING, LAUNCH),
        new AgentCommand.Start(TERM, FOUNDING, FENCE, 29_512, Optional.of(CHECKPOINT), true),
        new AgentCommand.Stop(
            TERM, FOUNDING, FENCE, Duration.ofMillis(30_500), "disk-1", "canceled"),
        new AgentCommand.Convert(TERM, FOUNDING, FENCE, CHECKPOINT),
        new AgentCommand.Acknowledge(TERM, FOUNDING, FENCE, AgentCommand.ReportKind.EXITED),
        new AgentCommand.TakeStacks(TERM, FOUNDING, FENCE),
        new AgentCommand.StandBy(TERM, FOUNDING, Optional.of(STANDBY), "it is a spare"),
        new AgentCommand.SayHello(TERM, FOUNDING),
        new AgentCommand.NotAdmitted(TERM, FOUNDING, REASON),
        new AgentReport.Hello(NODE, agent, "disk-1", INVENTORY, List.of(GROUP), FOUNDING),
        new AgentReport.Heartbeat(
            NODE,
            agent,
            "disk-1",
            Optional.of(GROUP),
            FOUNDING,
            Optional.of(REASON),
            Optional.of(WARM)),
        new AgentReport.Prepared(
            NODE,
            FENCE,
            Optional.of(29_512),
            Optional.of("5a5a"),
            "a5a5",
            CHECKPOINTS,
            Optional.of(READINGS),
            Optional.of(INVENTORY.bootId())),
        new AgentReport.PrepareRejected(NODE, FENCE, REASON),
        new AgentReport.Started(NODE, FENCE, List.of(WORKER), Optional.of("warm")),
        new AgentReport.Exited(
            NODE, FENCE, EXIT, Optional.of(Instant.parse("2026-11-24T12:00:20Z"))),
        new AgentReport.Unknown(NODE, FENCE),
        new AgentQuery.ReadLog(JOB, new Attempt(3), Optional.of(2), -4_096, 65_536, asker),
        new AgentQuery.LogChunk(
            4_096,
            "step 35\n".getBytes(StandardCharsets.UTF_8),
            true,
            Optional.of("older output was dropped")),
        new AgentQuery.Examine(
            "d1",
            Optional.of("/data/run1/out"),
            Optional.of("/opt/venv/bin/python"),
            asker.unsafeUpcast().narrow()),
        new AgentQuery.Examined(
            NODE,
            List.of(FINDING),
            READINGS,
            Instant.parse("2026-11-24T12:00:20Z"),
            Optional.of(29_512)),
        new AgentQuery.Meet(
            "d1",
            Optional.of("/data/run1/out"),
            List.of(new AgentQuery.Peer(NODE, "10.0.0.3", Optional.of(29_512))),
            asker.unsafeUpcast().narrow()),
        new AgentQuery.Met(NODE, List.of(FINDING)),
        new AgentQuery.OfferPort(asker.unsafeUpcast().narrow()),
        new AgentQuery.OfferedPort(NODE, Optional.of(29_512)),
        new AgentQuery.Pair(
            "d1",
            Optional.of("/opt/venv/bin/python"),
            new AgentQuery.PairSeat(1, 2, "10.0.0.1", 29_512),
            asker.unsafeUpcast().narrow()),
        new AgentQuery.Paired(NODE, PAIRED));
  }

  private static final Finding FINDING =
      new Finding(ReasonCode.GPU_ECC, Finding.Severity.WARN, "2 errors", "reset GPU 3");
  private static final PairOutcome PAIRED =
      PairOutcome.measured(
          new PairReading(
              "NVIDIA H200", Duration.ofNanos(1_400_000), Duration.ofMillis(2), 67_108_864));
  private static final NodeReadings READINGS =
      new NodeReadings(
          Map.of("torch", "2.13.0"),
          List.of("NVIDIA H200"),
          Optional.of("folder-1"),
          List.of(FINDING));

  /** Every record inside those messages that has optional fields. */
  public static List<Record> values() {
    return List.of(
        LAUNCH,
        JOB_SPEC,
        JOB_SPEC.zero().orElseThrow(),
        JOB_SPEC.paths(),
        JOB_SPEC.checkpoint(),
        GROUP,
        PROGRESS,
        EXIT,
        EXIT.firstFailure().orElseThrow(),
        CHECKPOINTS,
        INVENTORY,
        STANDBY,
        WARM,
        PAIRED,
        TABLE,
        FENCE);
  }
}
