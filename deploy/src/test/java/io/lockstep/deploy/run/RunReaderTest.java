package io.lockstep.deploy.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.coordinator.cli.ExitCode;
import io.lockstep.protocol.model.JobSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Who this host is and what the job is, from the flags. */
@SuppressWarnings("NullAway.Init") // JUnit makes the folder
final class RunReaderTest {
  @TempDir private Path folder;

  @BeforeEach
  void makePrograms() throws IOException {
    Files.writeString(folder.resolve("train.py"), "");
    Path python = Files.writeString(folder.resolve("python"), "");
    assertThat(python.toFile().setExecutable(true)).isTrue();
  }

  private RunRequest read(String... args) throws RunRefused {
    return read(Map.of(), args);
  }

  private RunRequest read(Map<String, String> more, String... args) throws RunRefused {
    var env = new java.util.HashMap<>(more);
    env.put("PATH", folder.toString());
    return RunReader.read(RunParser.parse(env, args), env, folder);
  }

  @Test
  void aScriptAloneIsOneWorkerOnThisHostOnFreePorts() throws RunRefused {
    RunRequest request = read("train.py", "--epochs", "3");

    assertThat(request.host()).isEqualTo("127.0.0.1");
    assertThat(request.isFirst()).isTrue();
    assertThat(request.nodeRank()).isEqualTo(Optional.of(0));
    assertThat(request.ports()).isNotEqualTo(RunPorts.derivedFrom(29_500));
    assertThat(request.python()).isEqualTo(folder.resolve("python").toString());
    assertThat(request.job())
        .containsEntry("name", "train")
        .containsEntry("script", folder.resolve("train.py").toString())
        .containsEntry("args", List.of("--epochs", "3"))
        .containsEntry("workdir", folder.toString())
        .containsEntry("nodes", 1)
        .containsEntry("procsPerNode", 1)
        .doesNotContainKeys("zero", "env", "checkpoint");
  }

  @Test
  void theHostWithRankZeroIsTheMastersAndTheOthersSayWhoTheyAre() throws RunRefused {
    String[] common = {"--nnodes", "2", "--master-addr", "127.9.0.1", "--master-port", "29777"};

    RunRequest first = read(with(common, "--node-rank", "0", "train.py"));
    RunRequest second =
        read(Map.of("LOCKSTEP_HOST", "127.9.0.2"), with(common, "--node-rank", "1", "train.py"));
    RunRequest spare = read(with(common, "--host", "127.9.0.3", "train.py"));

    assertThat(first.isFirst()).isTrue();
    assertThat(second.isFirst()).isFalse();
    assertThat(second.host()).isEqualTo("127.9.0.2");
    assertThat(second.api()).isEqualTo(first.api());
    assertThat(spare.nodeRank()).isEmpty();
    assertThat(first.ports()).isEqualTo(second.ports()).isEqualTo(RunPorts.derivedFrom(29_777));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--nnodes 2:4 train.py | --nnodes 2 --spares 2",
        "--nnodes x train.py | --nnodes is a number",
        "--nnodes 0 train.py | --nnodes is 1 to",
        "--nproc-per-node some train.py | a number, gpu, cpu or auto",
        "--nnodes 2 --node-rank 2 train.py | --node-rank is 0 to 1",
        "--nnodes 2 --node-rank -1 train.py | --node-rank is 0 to 1",
        "--standalone --nnodes 2 train.py | --standalone is one host alone",
        "--rdzv-backend etcd train.py | use --master-addr",
        "--rdzv-conf colour=red train.py | timeout=SECONDS",
        "--master-addr no.such.host.invalid train.py | give an IP address",
        "--zero 4 train.py | 1, 2, 3 or a DeepSpeed JSON file",
        "--env NOT_SET_HERE train.py | use NAME=VALUE",
        "-m --no-python train.py | exclude each other",
        "--master-port 70000 train.py | --master-port is 1 to",
        "--nproc-per-node 2 | SCRIPT is missing"
      })
  void aMistakeIsToldWithWhatIsAllowed(String line, String told) {
    assertThatThrownBy(() -> read(line.split(" ", -1)))
        .isInstanceOfSatisfying(
            RunRefused.class, e -> assertThat(e.code()).isEqualTo(ExitCode.USAGE))
        .hasMessageContaining(told);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "gone.py | there is no script",
        "--no-python gone | is no program",
        "--nnodes 2 --node-rank 1 train.py | LOCKSTEP_HOST",
        "--nnodes 2 --node-rank 0 --host 127.9.0.2 train.py | node rank 0 is the host of",
        "--checkpoint-dir out --checkpoint-format zip train.py | hf-deepspeed",
        "--nproc-per-node xpu train.py | only NVIDIA's GPUs",
        "--gpu-memory-held 4GB train.py | as in 4GiB"
      })
  void whatCannotBeIsRefused(String line, String told) {
    assertThatThrownBy(() -> read(line.split(" ", -1)))
        .isInstanceOfSatisfying(
            RunRefused.class, e -> assertThat(e.code()).isEqualTo(ExitCode.REFUSED))
        .hasMessageContaining(told);
  }

  @Test
  void equalEndsOfARangeAreANumber() throws RunRefused {
    assertThat(read("--nnodes", "1:1", "train.py").nodes()).isEqualTo(1);
  }

  @Test
  void modulesAndProgramsAreEntries() throws RunRefused {
    RunRequest module = read("-m", "package.train", "--x");
    RunRequest program = read("--no-python", "python", "-V");

    assertThat(module.entry()).isEqualTo(JobSpec.Entry.MODULE);
    assertThat(module.script()).isEqualTo("package.train");
    assertThat(program.entry()).isEqualTo(JobSpec.Entry.PROGRAM);
    assertThat(program.script()).isEqualTo(folder.resolve("python").toString());
  }

  @Test
  void whereTheScriptSavesIsWhereCheckpointsAreLookedFor() throws RunRefused {
    assertThat(read("train.py", "--output_dir", "out").job())
        .containsEntry("checkpoint", looked("out", "hf"));
    assertThat(read("train.py", "--output_dir=out", "--deepspeed", "ds.json").job())
        .containsEntry("checkpoint", looked("out", "hf-deepspeed"));
    assertThat(read("--zero", "3", "train.py", "--output-dir", "out").job())
        .containsEntry("checkpoint", looked("out", "hf-deepspeed"));
    assertThat(read("--checkpoint-dir", "there", "train.py", "--output_dir", "out").job())
        .containsEntry("checkpoint", looked("there", "hf"));
    assertThat(read("train.py", "--output_dir", "out").notes())
        .singleElement(org.assertj.core.api.InstanceOfAssertFactories.STRING)
        .contains("--on-existing overwrite");
  }

  private Map<String, String> looked(String dir, String format) {
    return Map.of("dir", folder.resolve(dir).toString(), "format", format);
  }

  @Test
  void whatOthersMayHoldOfEachGpuReachesTheJob() throws RunRefused {
    assertThat(read("--gpu-memory-held", "4GiB", "train.py").job())
        .containsEntry("preflight", Map.of("gpuMemoryHeld", "4GiB"));
  }

  @Test
  void whatElseIsSaidReachesTheJob() throws RunRefused {
    RunRequest request =
        read(
            Map.of("NCCL_DEBUG", "WARN"),
            "--zero",
            "2",
            "--spares",
            "1",
            "--max-restarts",
            "0",
            "--rdzv-id",
            "mine",
            "--rdzv-conf",
            "timeout=77",
            "--shutdown-timeout",
            "5",
            "--env",
            "NCCL_DEBUG",
            "--env",
            "A=b=c",
            "train.py");

    assertThat(request.job())
        .containsEntry("zero", 2)
        .containsEntry("spares", 1)
        .containsEntry("name", "mine")
        .containsEntry("restart", Map.of("max", 0))
        .containsEntry("env", Map.of("NCCL_DEBUG", "WARN", "A", "b=c"));
    assertThat(request.joinLimit()).isEqualTo(Duration.ofSeconds(77));
    assertThat(request.grace()).isEqualTo(Duration.ofSeconds(5));
  }

  @Test
  void aHostfileSaysHostsSlotsMasterAndRank() throws IOException, RunRefused {
    Files.writeString(folder.resolve("hosts"), "# ours\n127.9.0.1 slots=4\n127.9.0.2 slots=4\n\n");

    RunRequest request = read("--hostfile", "hosts", "--host", "127.9.0.2", "train.py");

    assertThat(request.nodes()).isEqualTo(2);
    assertThat(request.procs()).isEqualTo(4);
    assertThat(request.master()).isEqualTo("127.9.0.1");
    assertThat(request.nodeRank()).isEqualTo(Optional.of(1));
  }

  private static String[] with(String[] common, String... more) {
    var all = new ArrayList<>(List.of(common));
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }
}
