package io.lockstep.agent.check;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.lockstep.agent.Jobs;
import io.lockstep.protocol.message.WireJson;
import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.Finding.Severity;
import io.lockstep.protocol.model.LaunchSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;

/** The wait for GPU memory by a process at hand, which may hang, die or say rubbish. */
@NullUnmarked // JUnit fills the fields in
class GpuMemoryCheckTest {
  private static final Path SHIM = Path.of("src/main/python/lockstep_shim").toAbsolutePath();
  private static final Duration ANSWER_LIMIT = Duration.ofMillis(1_500);

  @TempDir Path dir;
  private FakeNvml nvml;
  private GpuReading gpus;
  private final List<GpuMemoryHelper> helpers = new ArrayList<>();

  @BeforeEach
  void build() throws Exception {
    nvml = FakeNvml.in(dir);
    gpus = new FakeNvidiaSmi(dir).says(FakeNvidiaSmi.healthy()).probe(true).look();
  }

  @AfterEach
  void endAll() {
    helpers.forEach(GpuMemoryHelper::close);
  }

  private GpuMemoryHelper helper(Path shim) throws IOException {
    var helper = new GpuMemoryHelper(nvml.counting("python3"), shim, nvml.env(), ANSWER_LIMIT);
    helpers.add(helper);
    return helper;
  }

  private Finding look(GpuMemoryHelper helper, Duration wait) {
    return look(helper, wait, Jobs.launch(1));
  }

  private Finding look(GpuMemoryHelper helper, Duration wait, LaunchSpec launch) {
    var host = AHost.with(dir, SHIM, nvml.env());
    return new GpuMemoryCheck(helper, wait).look(Subject.of(host, launch, gpus));
  }

  /**
   * A script in the place of ours: it does this when it serves, and is ours when it is asked once.
   */
  private Path serving(String python) throws IOException {
    Path shim = Files.createDirectories(dir.resolve("shim"));
    Files.writeString(
        shim.resolve("gpumemory.py"),
        "import os, sys, time\nif sys.argv[1] == 'serve':\n"
            + python.indent(4)
            + "os.execv(sys.executable, [sys.executable, '-IS', '"
            + SHIM.resolve("gpumemory.py")
            + "', *sys.argv[1:]])\n");
    return shim;
  }

  @Test
  void oneProcessAnswersAllQuestions() throws Exception {
    GpuMemoryHelper helper = helper(SHIM);
    helper.keep();
    for (int i = 0; i < 3; i++) {
      assertThat(look(helper, Duration.ofSeconds(5)).severity()).isEqualTo(Severity.OK);
      helper.keep();
    }
    assertThat(nvml.starts()).singleElement().asString().contains("serve");
  }

  @Test
  void memoryThatComesBackIsWaitedForAndMemoryThatStaysIsTold() throws Exception {
    GpuMemoryHelper helper = helper(SHIM);
    helper.keep();
    nvml.uses(70_000);
    Finding held = look(helper, Duration.ofMillis(1_300)); // more than one question
    assertThat(held.severity()).isEqualTo(Severity.FAIL);
    assertThat(held.found()).contains("GPU 0: 70000 MiB, pids [4711]");

    var later =
        new Thread(
            () -> {
              try {
                Thread.sleep(1_200);
                nvml.uses(0);
              } catch (IOException | InterruptedException e) {
                throw new AssertionError(e);
              }
            });
    later.start();
    assertThat(look(helper, Duration.ofSeconds(20)).severity()).isEqualTo(Severity.OK);
    later.join();
    assertThat(nvml.starts()).hasSize(1);
  }

  @Test
  void whatTheJobLetsOthersHoldIsNoFailure() throws Exception {
    nvml.uses(3_000);
    GpuMemoryHelper helper = helper(SHIM);
    helper.keep();
    Finding usual = look(helper, Duration.ZERO);
    assertThat(usual.severity()).isEqualTo(Severity.FAIL);
    assertThat(usual.found()).contains("more than 1024 MiB");
    assertThat(usual.todo()).contains("preflight.gpuMemoryHeld");

    Finding allowed = look(helper, Duration.ZERO, Jobs.launchAllowing(4_096));
    assertThat(allowed.severity()).isEqualTo(Severity.OK);
    assertThat(look(helper, Duration.ZERO, Jobs.launchAllowing(2_048)).found())
        .contains("more than 2048 MiB");
  }

  @Test
  void withoutAHelperAProcessIsStartedForTheQuestion() throws Exception {
    assertThat(look(helper(SHIM), Duration.ofSeconds(5)).severity()).isEqualTo(Severity.OK);
    assertThat(nvml.starts()).singleElement().asString().doesNotContain("serve");
  }

  @Test
  void aHelperThatHangsIsEndedAndTheAnswerComesAllTheSame() throws Exception {
    GpuMemoryHelper helper = helper(serving("time.sleep(600)"));
    helper.keep();
    assertThat(look(helper, Duration.ofSeconds(10)).severity()).isEqualTo(Severity.OK);
    assertThat(helper.pid()).as("it is ended").isEmpty();
    assertThat(nvml.starts()).hasSize(2);
  }

  @Test
  void aHelperThatDiesOrSaysRubbishIsNotAskedAgain() throws Exception {
    for (String wrong :
        List.of(
            "sys.stdin.readline(); os._exit(7)",
            "sys.stdin.readline(); print('hello', flush=True); time.sleep(600)",
            "sys.stdin.readline(); print('{\"free\": 3}', flush=True); time.sleep(600)",
            "sys.stdin.readline(); print('x' * 200_000, flush=True); time.sleep(600)",
            "print('{\"held\": []', flush=True); time.sleep(600)")) {
      GpuMemoryHelper helper = helper(serving(wrong));
      helper.keep();
      assertThat(look(helper, Duration.ofSeconds(10)).severity()).as(wrong).isEqualTo(Severity.OK);
      assertThat(helper.pid()).as(wrong).isEmpty();
    }
  }

  @Test
  void aDriverThatHangsForEveryoneIsAFailureWithinTheLimitAndTheNextHelperIsWell()
      throws Exception {
    GpuMemoryHelper helper = helper(SHIM);
    helper.keep();
    nvml.hangs(true);
    Finding found = look(helper, Duration.ofMillis(200));
    assertThat(found.severity()).isEqualTo(Severity.FAIL);
    assertThat(found.found()).contains("NVML did not answer");

    nvml.hangs(false);
    helper.keep();
    assertThat(look(helper, Duration.ofSeconds(5)).severity()).isEqualTo(Severity.OK);
    assertThat(nvml.starts()).hasSize(3);
  }

  @Test
  void afterADriverErrorTheNextHelperLoadsTheLibraryAnew() throws Exception {
    Files.move(dir.resolve("libnvidia-ml.so.1"), dir.resolve("away"));
    GpuMemoryHelper helper = helper(SHIM);
    helper.keep();
    assertThat(look(helper, Duration.ofSeconds(5)).severity()).isEqualTo(Severity.SKIPPED);

    Files.move(dir.resolve("away"), dir.resolve("libnvidia-ml.so.1"));
    helper.keep();
    assertThat(look(helper, Duration.ofSeconds(5)).severity()).isEqualTo(Severity.OK);
    assertThat(helper.pid()).isPresent();
  }

  @Test
  void itEndsWithTheDaemonAlsoByKill() throws Exception {
    // a JVM of its own, which is killed
    Process daemon =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                classPath(),
                Daemon.class.getName(),
                SHIM.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try (var said = daemon.inputReader()) {
      long pid = Long.parseLong(said.readLine());
      ProcessHandle helper = ProcessHandle.of(pid).orElseThrow();
      daemon.destroyForcibly().waitFor();
      helper.onExit().get(10, TimeUnit.SECONDS);
    } finally {
      daemon.destroyForcibly();
    }
  }

  private static String classPath() {
    return Stream.of(
            Daemon.class, GpuMemoryHelper.class, WireJson.class, Logger.class, JsonNode.class)
        .map(c -> c.getProtectionDomain().getCodeSource().getLocation().getPath())
        .distinct()
        .collect(Collectors.joining(":"));
  }

  /** Has a helper, says its pid, and waits to be killed. */
  static final class Daemon {
    private Daemon() {}

    public static void main(String[] args) throws Exception {
      var helper = new GpuMemoryHelper("python3", Path.of(args[0]), System.getenv());
      helper.keep();
      System.out.println(helper.pid().orElseThrow());
      Thread.sleep(60_000);
    }
  }
}
