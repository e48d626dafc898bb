package io.lockstep.coordinator.cli;

import io.lockstep.protocol.api.DryRunView;
import io.lockstep.protocol.api.EventView;
import io.lockstep.protocol.api.JobView;
import io.lockstep.protocol.api.JobView.AttemptView;
import io.lockstep.protocol.api.JobView.CauseView;
import io.lockstep.protocol.api.JobView.CheckpointView;
import io.lockstep.protocol.api.JobView.ProgressView;
import io.lockstep.protocol.api.JobView.RankView;
import io.lockstep.protocol.api.JobView.ReasonView;
import io.lockstep.protocol.api.JobView.RestartsView;
import io.lockstep.protocol.api.LogView;
import io.lockstep.protocol.api.NodeView;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Views as a coordinator would send them. */
final class Views {
  static final Instant NOON = Instant.parse("2026-11-24T12:00:00.123Z");
  static final List<RankView> BEFORE = List.of(rank(0, "127.0.0.1"), rank(1, "127.0.0.2"));
  static final List<RankView> AFTER = List.of(rank(0, "127.0.0.1"), rank(1, "127.0.0.3"));

  private Views() {}

  static JobView queued(String id) {
    return job(id, "QUEUED", "WAITING_FOR_NODES", "needs 2 ready nodes, 1 is ready", 0);
  }

  static JobView running(String id, long step) {
    return with(
        job(id, "RUNNING", "ALL_STARTED", "all 2 nodes started", 1),
        Optional.of(new ProgressView(step, 79, Optional.of(2.5), Optional.empty())),
        BEFORE);
  }

  static JobView ended(String id, String phase, String code, int exitCode) {
    JobView job = job(id, phase, code, "it is over", 1);
    return new JobView(
        job.id(),
        job.name(),
        job.phase(),
        job.reason(),
        job.attempt(),
        job.restarts(),
        job.nodes(),
        job.procsPerNode(),
        job.zeroStage(),
        BEFORE,
        job.masterAddress(),
        job.masterPort(),
        job.lastCheckpoint(),
        job.progress(),
        job.attempts(),
        Optional.of(exitCode),
        job.spares(),
        job.submittedAt(),
        Optional.of(NOON.plusSeconds(600)),
        job.spareNodes());
  }

  /** A job that lost a node and went on with the spare. */
  static JobView restarted(String id) {
    var first =
        new AttemptView(
            1,
            NOON,
            Optional.of(NOON.plusSeconds(9)),
            Optional.of(NOON.plusSeconds(60)),
            Optional.of(
                new CauseView(
                    "NODE_SILENT",
                    Optional.of("127.0.0.2"),
                    Optional.empty(),
                    "127.0.0.2 was not heard for 6 s; its last words were of step 31, after which"
                        + " nothing came")),
            Optional.empty(),
            Optional.of(NOON.plusSeconds(12)),
            BEFORE,
            Optional.of("Traceback (most recent call last):\n  File \"x.py\"\n\u001b[31mBoom"));
    var second =
        new AttemptView(
            2,
            NOON.plusSeconds(62),
            Optional.of(NOON.plusSeconds(70)),
            Optional.empty(),
            Optional.empty(),
            Optional.of(30L),
            Optional.empty(),
            AFTER,
            Optional.empty());
    return new JobView(
        id,
        "qwen3-pretrain",
        "RUNNING",
        new ReasonView("ALL_STARTED", "all 2 nodes started"),
        2,
        new RestartsView(1, 0, 10),
        2,
        1,
        Optional.of(2),
        AFTER,
        Optional.of("127.0.0.1"),
        Optional.of(29512),
        Optional.of(new CheckpointView("/data/out/checkpoint-30", 30, 2)),
        Optional.of(new ProgressView(35, 79, Optional.of(2.3112), Optional.of(2.5))),
        List.of(first, second),
        Optional.empty(),
        1,
        NOON,
        Optional.empty(),
        List.of("127.0.0.4"));
  }

  static LogView log(int nodeRank, int rank, long offset, String text, boolean ended) {
    return new LogView(rank, nodeRank, 1, offset, offset + text.length(), ended, text);
  }

  static EventView event(long version, String type) {
    return new EventView(
        version,
        NOON,
        type,
        Optional.of("n-1"),
        Optional.of(1),
        Optional.of("127.0.0.2"),
        new ReasonView("NODE_SILENT", "not heard for 6 s"));
  }

  static NodeView node(String name, String health, boolean coordinator, Optional<String> job) {
    return new NodeView(
        name,
        name,
        health,
        true,
        coordinator,
        2,
        List.of(),
        job,
        job.map(id -> 1),
        new ReasonView(
            "NODE_READY", "its reason, which may be long and longer than a line has room"),
        List.of(),
        Optional.empty());
  }

  static RankView rank(int rank, String node) {
    return new RankView(rank, node, node);
  }

  /** Its name has no letter that an id can have. */
  static JobView inChinese(String id) {
    return job(id, "预训练", "QUEUED", "WAITING_FOR_NODES", "needs 2 ready nodes, 1 is ready", 0);
  }

  private static JobView job(String id, String phase, String code, String message, int attempt) {
    return job(id, "n", phase, code, message, attempt);
  }

  private static JobView job(
      String id, String name, String phase, String code, String message, int attempt) {
    return new JobView(
        id,
        name,
        phase,
        new ReasonView(code, message),
        attempt,
        new RestartsView(0, 0, 10),
        2,
        1,
        Optional.of(2),
        List.of(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        List.of(),
        Optional.empty(),
        1,
        NOON,
        Optional.empty(),
        List.of());
  }

  private static JobView with(
      JobView job, Optional<ProgressView> progress, List<RankView> rankTable) {
    return new JobView(
        job.id(),
        job.name(),
        job.phase(),
        job.reason(),
        job.attempt(),
        job.restarts(),
        job.nodes(),
        job.procsPerNode(),
        job.zeroStage(),
        rankTable,
        job.masterAddress(),
        job.masterPort(),
        job.lastCheckpoint(),
        progress,
        job.attempts(),
        job.exitCode(),
        job.spares(),
        job.submittedAt(),
        job.endedAt(),
        job.spareNodes());
  }

  static DryRunView dryRun(boolean placeable) {
    return new DryRunView(
        "n-1",
        "n",
        placeable,
        new ReasonView("WAITING_FOR_NODES", "why"),
        placeable ? 2 : 0,
        placeable
            ? List.of(
                new DryRunView.LaunchView(
                    0,
                    "gpu-1",
                    "10.0.0.1",
                    "0-1",
                    List.of("python", "-m", "torch.distributed.run", "<port>", "it's")))
            : List.of(),
        List.of(),
        placeable ? List.of() : List.of(new JobView.WaitView("gpu-1", false, "held by a")),
        Map.of("A", "b c"),
        Optional.empty(),
        "a fresh start");
  }

  /** A ready node with as many GPUs of a kind. */
  static NodeView gpuNode(String name, String card, long bytes, int gpus) {
    NodeView plain = node(name, "READY", false, Optional.empty());
    List<NodeView.GpuView> cards =
        java.util.stream.IntStream.range(0, gpus)
            .mapToObj(i -> new NodeView.GpuView(i, "GPU-" + i, card, bytes))
            .toList();
    return new NodeView(
        plain.node(),
        plain.address(),
        plain.health(),
        plain.seat(),
        plain.coordinator(),
        plain.procs(),
        cards,
        plain.job(),
        plain.nodeRank(),
        plain.reason(),
        plain.workerPids(),
        plain.askedRank());
  }
}
