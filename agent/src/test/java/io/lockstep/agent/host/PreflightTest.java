package io.lockstep.agent.host;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.agent.Jobs;
import io.lockstep.agent.check.FakeNvidiaSmi;
import io.lockstep.agent.check.FakeNvml;
import io.lockstep.agent.check.GpuProbe;
import io.lockstep.agent.core.GroupInput;
import io.lockstep.agent.core.Readiness;
import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.GpuInfo;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.NodeInventory;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a node finds at the door. */
@NullUnmarked // JUnit fills the fields in
class PreflightTest {
  @TempDir Path dir;
  private Path work;
  private Path tools;

  @BeforeEach
  void writeScript() throws IOException {
    work = Files.createDirectories(dir.resolve("work"));
    Files.writeString(work.resolve("train.py"), "import torch\n");
    tools = Files.createDirectories(dir.resolve("tools"));
    for (String tool : List.of("c++", "ninja")) {
      Files.createFile(
          tools.resolve(tool),
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    }
  }

  private AgentSettings settings() {
    return Jobs.settings(1, dir.resolve("data"), dir, "/bin/sh");
  }

  private GroupInput check(
      int gpus, Optional<String> gpuProblem, JobSpec job, Optional<String> zero) {
    try {
      return check(gpus, gpuProblem, job, zero, probe(gpus, gpuProblem));
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private GpuProbe probe(int gpus, Optional<String> problem)
      throws IOException, InterruptedException {
    var tool = new FakeNvidiaSmi(Files.createDirectories(dir.resolve("smi" + gpus)));
    if (problem.isPresent()) {
      tool.does("echo '" + problem.get() + "'; exit 9");
    } else if (gpus > 0) {
      tool.says(FakeNvidiaSmi.healthy(gpus));
    }
    GpuProbe probe = tool.probe(gpus > 0 || problem.isPresent());
    probe.look();
    return probe;
  }

  private GroupInput check(
      int gpus, Optional<String> gpuProblem, JobSpec job, Optional<String> zero, GpuProbe probe) {
    return check(gpus, gpuProblem, Jobs.alone(Jobs.fence(7), job, Jobs.DISK, zero), probe);
  }

  private GroupInput check(
      int gpus, Optional<String> gpuProblem, LaunchSpec launch, GpuProbe probe) {
    var inventory =
        new NodeInventory(
            "127.0.0.1",
            "host",
            "boot",
            2,
            1,
            IntStream.range(0, gpus).mapToObj(i -> new GpuInfo(i, "u" + i, "H200", 1)).toList(),
            "/bin/sh",
            "t",
            -1);
    var host = new HostInventory(inventory, gpuProblem, Optional.of("lo"));
    try (var health = new HostHealth(settings(), host, Map.of("PATH", tools.toString()), probe)) {
      return new Preflight(settings(), health, new CheckpointScan()).run(launch);
    }
  }

  private JobSpec job(int procs, JobSpec.Checkpoint checkpoint) {
    return Jobs.local(work, "train.py", List.of(), procs, checkpoint, Optional.empty());
  }

  private static Readiness passed(GroupInput input) {
    assertThat(input).isInstanceOf(GroupInput.PreflightPassed.class);
    return ((GroupInput.PreflightPassed) input).readiness();
  }

  private static Reason failed(GroupInput input) {
    assertThat(input).isInstanceOf(GroupInput.PreflightFailed.class);
    return ((GroupInput.PreflightFailed) input).reason();
  }

  @Test
  void onlyAGangMarksItsCheckpointFolder() throws Exception {
    Path folder = Files.createDirectories(dir.resolve("out"));
    JobSpec job = job(1, Jobs.checkpointIn(folder, CheckpointFormat.HF));

    passed(check(0, Optional.empty(), job, Optional.empty()));
    assertThat(folder).as("a node alone has nobody to compare with").isEmptyDirectory();

    LaunchSpec ofTwo = Jobs.launch(Jobs.fence(7), job, Jobs.DISK);
    Readiness said = passed(check(0, Optional.empty(), ofTwo, probe(0, Optional.empty())));
    assertThat(said.readings().orElseThrow().folderId())
        .contains(Files.readString(folder.resolve(FolderMark.FILE)));
  }

  @Test
  void aGoodNodeSaysWhatMustBeTheSameElsewhere() throws IOException {
    var ready = passed(check(0, Optional.empty(), job(2, Jobs.NO_CHECKPOINT), Optional.of("{}")));
    assertThat(ready.masterPort()).isPresent();
    assertThat(ready.zeroSha256()).contains(Hashes.sha256(new byte[] {'{', '}'}));
    assertThat(ready.scriptSha256())
        .isEqualTo(Hashes.sha256(Files.readAllBytes(work.resolve("train.py"))));
  }

  @Test
  void moreWorkersThanGpusAreRefusedButNotOnAHostWithoutAny() {
    assertThat(
            failed(check(1, Optional.empty(), job(2, Jobs.NO_CHECKPOINT), Optional.empty())).code())
        .isEqualTo(ReasonCode.NOT_ENOUGH_DEVICES);
    passed(check(2, Optional.empty(), job(2, Jobs.NO_CHECKPOINT), Optional.empty()));
    passed(check(0, Optional.empty(), job(2, Jobs.NO_CHECKPOINT), Optional.empty()));
  }

  @Test
  void aDeviceWithoutADriverIsRefused() {
    var reason =
        failed(
            check(
                0, Optional.of("no working driver"), job(1, Jobs.NO_CHECKPOINT), Optional.empty()));
    // another node may do: it is no mistake of the job's
    assertThat(reason.code()).isEqualTo(ReasonCode.GPU_DRIVER);
    assertThat(reason.message()).contains("127.0.0.1").contains("no working driver");
  }

  @Test
  void aCheckpointFolderThatCannotBeIsRefused() {
    var nowhere = Jobs.checkpointIn(work.resolve("train.py/sub"), CheckpointFormat.HF);
    assertThat(failed(check(0, Optional.empty(), job(1, nowhere), Optional.empty())).code())
        .isEqualTo(ReasonCode.CHECKPOINT_DIR_UNWRITABLE);
  }

  @Test
  void autoWithABareScriptIsRefused() {
    assertThat(
            failed(
                    check(
                        0,
                        Optional.empty(),
                        job(1, Jobs.NO_CHECKPOINT),
                        Optional.of("{\"train_batch_size\": \"auto\"}")))
                .code())
        .isEqualTo(ReasonCode.ZERO_AUTO_WITHOUT_HF);
  }

  @Test
  void whatDeepSpeedNeedsToBuildAnOpOfTheJobMustBeThere() throws IOException {
    Files.delete(tools.resolve("ninja"));
    JobSpec job = job(1, Jobs.NO_CHECKPOINT);

    Reason reason = failed(check(0, Optional.empty(), job, Optional.of("{}")));
    assertThat(reason.code()).isEqualTo(ReasonCode.OP_BUILD);
    assertThat(reason.message()).contains("deepspeed_shm_comm").contains("ninja");
    passed(check(0, Optional.empty(), job, Optional.empty()));
    passed(check(1, Optional.empty(), job, Optional.of("{}"))); // on GPUs none is built for it
  }

  @Test
  void theLockOfABuildThatGoesOnIsNotRemoved() throws IOException {
    Path lock = dir.resolve("data/torch_extensions/shm_comm/lock");
    Files.createDirectories(lock.getParent());
    try (var builder = Files.newOutputStream(lock)) {
      passed(check(0, Optional.empty(), job(1, Jobs.NO_CHECKPOINT), Optional.empty()));
      assertThat(lock).exists();
      builder.flush();
    }
    passed(check(0, Optional.empty(), job(1, Jobs.NO_CHECKPOINT), Optional.empty()));
    assertThat(lock).doesNotExist();
  }

  @Test
  void staleBuildLocksAreRemovedInOurFolderOnly() throws IOException {
    Path ours = dir.resolve("data/torch_extensions/py311/shm_comm/lock");
    Files.createDirectories(ours.getParent());
    Files.createFile(ours);
    passed(check(0, Optional.empty(), job(1, Jobs.NO_CHECKPOINT), Optional.empty()));
    assertThat(ours).doesNotExist();
  }

  @Test
  void itTakesUnderTwoSecondsAtFirstAndUnderATenthAgain() throws Exception {
    for (int gpus : List.of(0, 1)) {
      Tries tries = tries(gpus);
      assertThat(tries.millis().get(0)).as(tries.toString()).isLessThan(2_000);
      // the best one: the machine that tests may be busy with something else
      assertThat(Collections.min(tries.millis().subList(1, tries.millis().size())))
          .as("%d GPUs, %s", gpus, tries)
          .isLessThan(100);
      assertThat(tries.startsAfterTheFirst()).as("processes that a restart starts").isEmpty();
    }
  }

  private record Tries(List<Long> millis, List<String> startsAfterTheFirst) {}

  private Tries tries(int gpus) throws Exception {
    FakeNvml nvml = FakeNvml.in(Files.createDirectories(dir.resolve("nvml" + gpus)));
    String python = System.getenv().getOrDefault("LOCKSTEP_PYTHON", "python3");
    var shim = Path.of("src/main/python/lockstep_shim").toAbsolutePath();
    var settings = Jobs.settings(1, dir.resolve("data"), shim, nvml.counting(python));
    var inventory =
        new NodeInventory(
            "127.0.0.1",
            "host",
            "boot",
            2,
            1,
            gpus == 0 ? List.of() : List.of(new GpuInfo(0, "u", "H200", 1)),
            settings.python(),
            "t",
            -1);
    var host = new HostInventory(inventory, Optional.empty(), Optional.of("lo"));
    JobSpec job =
        Jobs.local(
            work,
            "train.py",
            List.of(),
            1,
            Jobs.checkpointIn(work.resolve("out"), CheckpointFormat.HF),
            Optional.of(settings.python()));
    var launch = Jobs.alone(Jobs.fence(7), job, Jobs.DISK, Optional.of("{}"));
    var env = new TreeMap<>(nvml.env());
    env.merge("PATH", tools.toString(), (path, ours) -> path + ":" + ours);
    try (var health = new HostHealth(settings, host, env, probe(gpus, Optional.empty()))) {
      health.keepReady();
      var preflight = new Preflight(settings, health, new CheckpointScan());
      var millis = new ArrayList<Long>();
      int before = 0;
      for (int i = 0; i < 12; i++) {
        long began = System.nanoTime();
        passed(preflight.run(launch));
        millis.add((System.nanoTime() - began) / 1_000_000);
        before = i == 0 ? nvml.starts().size() : before;
      }
      return new Tries(millis, nvml.starts().subList(before, nvml.starts().size()));
    }
  }
}
