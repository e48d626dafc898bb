package io.lockstep.agent.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.agent.core.StartOrder;
import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.OnExisting;
import io.lockstep.protocol.model.RankTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The whole command line and environment, compared with files that people have read. */
class TorchrunCommandTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final NodeId FIRST = new NodeId("gpu-01");
  private static final NodeId SECOND = new NodeId("gpu-02");

  private static final Map<String, String> DAEMON_ENV =
      Map.ofEntries(
          Map.entry("HOME", "/home/train"),
          Map.entry("PATH", "/usr/bin"),
          Map.entry("RANK", "5"),
          Map.entry("WORLD_SIZE", "2"),
          Map.entry("MASTER_PORT", "1"),
          Map.entry("NODE_RANK", "3"),
          Map.entry("PET_NNODES", "9"),
          Map.entry("TORCHELASTIC_RUN_ID", "old"),
          Map.entry("LOCKSTEP_PYTHON", "/old/python"),
          Map.entry("PYTHON_EXEC", "/old/worker"),
          Map.entry("OMP_NUM_THREADS", "4"));

  private static NodeFacts node(NodeId id, String address, boolean gpus, String network) {
    return new NodeFacts(
        id,
        address,
        address + ":25520",
        "/opt/venv/bin/python",
        Path.of("/var/lib/lockstep"),
        gpus,
        Optional.of(network),
        Path.of("/opt/lockstep/python"));
  }

  private static JobSpec job(List<Integer> devices, Map<String, String> env) {
    return new JobSpec(
        "qwen",
        "pretraining.py",
        List.of("--num_train_epochs", "0.5"),
        "/data/run1",
        2,
        2,
        devices,
        0,
        0,
        Optional.of(new JobSpec.Zero(2, Optional.empty(), "--deepspeed")),
        new JobSpec.Paths(
            Optional.of("/models/qwen"),
            Optional.empty(),
            Optional.of("/data/train"),
            Optional.empty(),
            Optional.of("/data/out"),
            Optional.empty()),
        env,
        new JobSpec.Checkpoint(
            Optional.of("/data/out"),
            false,
            Optional.of("--resume_from_checkpoint"),
            CheckpointFormat.HF_DEEPSPEED,
            OnExisting.AUTO),
        JobSpec.Restart.DEFAULT,
        JobSpec.Deadlines.DEFAULT,
        "auto",
        Optional.empty());
  }

  private static LaunchSpec launch(int attempt, NodeId node, int rank, JobSpec job, String cause) {
    return new LaunchSpec(
        new Fence(40 + attempt, new JobId("qwen-1"), new Attempt(attempt)),
        node,
        rank,
        new RankTable(
            List.of(
                new RankTable.Entry(FIRST, "10.0.0.1"), new RankTable.Entry(SECOND, "10.0.0.2")),
            2),
        "disk",
        job,
        Optional.of("{}"),
        cause);
  }

  @Test
  void aFreshStartOnCpu() throws IOException {
    var command =
        TorchrunCommand.of(
            node(FIRST, "10.0.0.1", false, "eth0"),
            launch(1, FIRST, 0, job(List.of(), Map.of("NCCL_DEBUG", "WARN")), ""),
            new StartOrder(29_533, Optional.empty(), false),
            DAEMON_ENV);
    assertGolden("cpu-fresh.txt", command);
  }

  @Test
  void aRestartOnGpusFromACheckpoint() throws IOException {
    var env =
        Map.of(
            "GLOO_SOCKET_IFNAME", "ib0",
            "TORCH_EXTENSIONS_DIR", "/fast/ext",
            "LOCKSTEP_JOB", "forged");
    var command =
        TorchrunCommand.of(
            node(SECOND, "10.0.0.2", true, "eth0"),
            launch(2, SECOND, 1, job(List.of(4, 6), env), "WORKER_KILLED"),
            new StartOrder(
                29_570, Optional.of(new CompleteCheckpoint("/data/out/checkpoint-5", 5, 4)), false),
            DAEMON_ENV);
    assertGolden("gpu-resume.txt", command);
  }

  @Test
  void theFirstDevicesAreTakenWhenNoneAreNamed() {
    var command =
        TorchrunCommand.of(
            node(FIRST, "10.0.0.1", true, "eth0"),
            launch(1, FIRST, 0, job(List.of(), Map.of()), ""),
            new StartOrder(29_533, Optional.empty(), false),
            DAEMON_ENV);
    assertThat(command.env()).containsEntry("CUDA_VISIBLE_DEVICES", "0,1");
  }

  @Test
  void aModuleAndAProgramAreStartedAsTorchrunStartsThem() {
    assertThat(started(JobSpec.Entry.MODULE, "package.train").argv())
        .containsSubsequence("--log-dir", "-m", "package.train", "--num_train_epochs");

    TorchrunCommand program = started(JobSpec.Entry.PROGRAM, "/bin/train");
    assertThat(program.argv())
        .containsSubsequence("--log-dir", "--no-python", "/bin/train", "--num_train_epochs")
        .anyMatch(word -> word.endsWith("/worker"));
    assertThat(program.python()).as("what the worker script runs").isEqualTo("env");
  }

  private static TorchrunCommand started(JobSpec.Entry entry, String script) {
    JobSpec plain = job(List.of(), Map.of());
    var job =
        new JobSpec(
            plain.name(),
            script,
            plain.args(),
            plain.workdir(),
            plain.nodes(),
            plain.procsPerNode(),
            plain.devices(),
            plain.spares(),
            plain.priority(),
            plain.zero(),
            plain.paths(),
            plain.env(),
            plain.checkpoint(),
            plain.restart(),
            plain.deadlines(),
            plain.warm(),
            plain.python(),
            entry,
            List.of());
    return TorchrunCommand.of(
        node(FIRST, "10.0.0.1", false, "eth0"),
        launch(1, FIRST, 0, job, ""),
        new StartOrder(29_533, Optional.empty(), false),
        DAEMON_ENV);
  }

  /** Record anew with -Dgolden.write=true, and read the difference. */
  private static void assertGolden(String name, TorchrunCommand command) throws IOException {
    String found =
        command.argv().stream().collect(Collectors.joining("\n", "", "\n\n"))
            + command.env().entrySet().stream()
                .map(e -> e.getKey() + "=" + e.getValue())
                .collect(Collectors.joining("\n"))
            + "\n\ncwd "
            + command.cwd()
            + "\npython "
            + command.python()
            + "\n";
    if (Boolean.getBoolean("golden.write")) {
      Files.writeString(GOLDEN.resolve(name), found);
    }
    assertThat(found).isEqualTo(Files.readString(GOLDEN.resolve(name)));
  }
}
