package io.lockstep.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What scripts, files and processes of a job do wrong, many jobs at once on four nodes. */
@DisabledIfSystemProperty(named = "slow.tests", matches = "false")
@Execution(ExecutionMode.CONCURRENT)
@SuppressWarnings("NullAway.Init") // JUnit starts the fleet before anything reads it
final class JobsE2eTest {
  private static final Path DIR = Installation.freshFolder("jobs");
  private static final Path LOCAL = DIR.resolve("local");
  private static final boolean OWN_DISKS = OwnDisk.problem().isEmpty();

  @RegisterExtension
  static final LeavesNothing NOTHING_IS_LEFT = new LeavesNothing(() -> JobsE2eTest.fleet);

  private static Fleet fleet;

  @BeforeAll
  static void startFleet() throws IOException {
    Files.createDirectories(DIR.resolve("disk-3/readonly"));
    fleet = OWN_DISKS ? Fleet.withOwnDisks(DIR, 4) : Fleet.of(DIR, 4);
  }

  @AfterAll
  static void stopFleet() {
    fleet.close();
  }

  // processes that are killed

  @ParameterizedTest
  @CsvSource({"torchrun, torch.distributed.run, TORCHRUN_FAILED", "shim, lockstep_shim, SHIM_LOST"})
  void aKilledTorchrunOrShimRestartsTheGangOnTheSameNodes(
      String who, String program, String cause) {
    var plain =
        new PlainJob(
            DIR,
            who + "-killed",
            """
            note(f"attempt {attempt} rank {rank}")
            time.sleep(100 if attempt == 1 else 0)
            """);
    String id = fleet.submit(plain.with("nodes: 2").file());
    awaitNotes(plain, 2);
    JsonNode before = fleet.awaitPhase(id, "RUNNING");
    String node = Fleet.nodeOfRank(before, 1);
    Processes.signal("KILL", fleet.processOf(id, node, program));

    JsonNode after = fleet.awaitPhase(id, "SUCCEEDED");

    JsonNode first = after.path("attempts").get(0);
    assertThat(first.path("cause").path("code").asText()).isEqualTo(cause);
    assertThat(first.path("cause").path("node").asText()).isEqualTo(node);
    assertThat(after.path("rankTable")).isEqualTo(before.path("rankTable"));
    assertThat(after.path("restarts").path("counted").asInt()).isEqualTo(1);
    assertThat(plain.notes()).hasSize(4).contains("attempt 2 rank 0", "attempt 2 rank 1");
  }

  // cancel

  @Test
  void cancelWhileItStartsEndsItBeforeAnyWorkerRuns() {
    var plain =
        new PlainJob(DIR, "cancel-start", "note('ran')")
            .python(
                """
                #!/bin/sh
                if [ "$NODE_RANK" = 1 ]; then : >starting; exec sleep 300; fi
                exec %s "$@"
                """
                    .formatted(Installation.PYTHON));
    String id = fleet.submit(plain.with("nodes: 2").file());
    fleet.awaitPhase(id, "STARTING");
    await()
        .atMost(Duration.ofMinutes(1))
        .until(() -> Files.exists(plain.dir().resolve("starting")));

    assertThat(fleet.cli("cancel", id).exit()).isZero();

    assertThat(fleet.awaitPhase(id, "CANCELED").path("exitCode").asInt()).isEqualTo(7);
    assertThat(plain.notes()).isEmpty();
  }

  @Test
  void cancelGivesACheckpointOnTermItsTimeAndNoneWithoutGrace() {
    String script =
        """
        def save(*_):
            time.sleep(2)
            note("saved")
            sys.exit(0)

        signal.signal(signal.SIGTERM, save)
        note("runs")
        while True:
            time.sleep(0.1)
        """;
    var patient = new PlainJob(DIR, "cancel-grace", script);
    var hasty = new PlainJob(DIR, "cancel-now", script);
    String slow = fleet.submit(patient.with("nodes: 1").with("procsPerNode: 2").file());
    String fast = fleet.submit(hasty.with("nodes: 1").with("procsPerNode: 2").file());
    awaitNotes(patient, 2);
    awaitNotes(hasty, 2);

    Instant asked = Instant.now();
    assertThat(fleet.cli("cancel", slow, "--grace", "60s").exit()).isZero();
    assertThat(fleet.cli("cancel", fast, "--grace", "0s").exit()).isZero();

    fleet.awaitPhase(slow, "CANCELED");
    fleet.awaitPhase(fast, "CANCELED");
    assertThat(patient.notes()).containsExactly("runs", "runs", "saved", "saved");
    assertThat(Duration.between(asked, Instant.now()))
        .as("it does not wait for the grace to pass")
        .isLessThan(Duration.ofSeconds(50));
    assertThat(hasty.notes()).containsExactly("runs", "runs");
  }

  // how a script ends

  @Test
  void aSpentBudgetIsExitCode4() {
    var plain = new PlainJob(DIR, "budget", "os.kill(os.getpid(), signal.SIGKILL)");
    String id =
        fleet.submit(
            plain.with("nodes: 1").with("restart: {max: 1, backoff: {initial: 0s}}").file());

    Fleet.Said watched = fleet.cli("watch", id);

    assertThat(watched.exit()).as(watched.err()).isEqualTo(4);
    JsonNode job = fleet.describe(id);
    assertThat(job.path("reason").path("code").asText()).isEqualTo("RESTART_BUDGET_SPENT");
    assertThat(job.path("attempts").size()).isEqualTo(2);
    assertThat(job.path("attempts").get(1).path("cause").path("code").asText())
        .isEqualTo("WORKER_KILLED");
  }

  @Test
  void anExceptionBeforeTheFirstStepIsNotRestarted() {
    var plain =
        new PlainJob(
            DIR, "raises", "raise KeyError(f'no column text in /tmp/cache-{os.getpid()}/train')");
    String id = fleet.submit(plain.with("nodes: 2").file());

    Fleet.Said watched = fleet.cli("watch", id);

    assertThat(watched.exit()).as(watched.err()).isEqualTo(3);
    Fleet.Said described = fleet.cli("describe", id);
    assertThat(described.out())
        .contains("SCRIPT_FAILED", "Traceback (most recent call last):", "KeyError: 'no column")
        .contains("USER_CODE in attempt 1");
    assertThat(fleet.job(id).path("attempts").size()).isEqualTo(1);
  }

  @Test
  void aTracebackOfTenThousandLinesIsCutToItsEnd() {
    var plain =
        new PlainJob(
            DIR,
            "deep",
            """
            sys.setrecursionlimit(20_000)
            sys.tracebacklimit = 10_000

            def left(depth):
                return right(depth - 1)

            def right(depth):
                if depth <= 0:
                    raise ValueError("the deepest of all")
                return left(depth - 1)

            left(5_000)
            """);
    String id = fleet.submit(plain.with("nodes: 1").with("restart: {max: 0}").file());

    JsonNode job = fleet.awaitPhase(id, "FAILED");

    assertThat(job.path("exitCode").asInt()).isEqualTo(3);
    assertThat(job.path("reason").path("message").asText())
        .contains("ValueError: the deepest of all");
    assertThat(job.path("attempts").get(0).path("traceback").asText())
        .endsWith("ValueError: the deepest of all")
        .hasSizeLessThan(10_000);
    assertThat(fleet.cli("describe", id).out().lines().count()).isLessThan(100);
    assertThat(fleet.cli("logs", id).out().lines().count()).as("all of it").isGreaterThan(10_000);
  }

  @Test
  void aWorkerThatExits0EarlyIsWaitedForByNobody() {
    String script =
        """
        time.sleep(4 * rank)
        note(f"done {rank}")
        """;
    var two = new PlainJob(DIR, "early-on-two", script);
    var one = new PlainJob(DIR, "early-on-one", script);
    String onTwo = fleet.submit(two.with("nodes: 2").file());
    String onOne = fleet.submit(one.with("nodes: 1").with("procsPerNode: 2").file());

    for (String id : List.of(onTwo, onOne)) {
      assertThat(fleet.awaitPhase(id, "SUCCEEDED").path("attempt").asInt()).isEqualTo(1);
    }
    assertThat(two.notes()).containsExactly("done 0", "done 1");
    assertThat(one.notes()).containsExactly("done 0", "done 1");
  }

  @Test
  void aJobOfNoTimeSucceeds() {
    List<String> ids =
        IntStream.range(0, 3)
            .mapToObj(i -> new PlainJob(DIR, "nothing-" + i, "pass"))
            .map(job -> fleet.submit(job.with("nodes: 2").with("procsPerNode: 2").file()))
            .toList();

    for (String id : ids) {
      assertThat(fleet.awaitPhase(id, "SUCCEEDED").path("attempt").asInt()).isEqualTo(1);
    }
  }

  // output and names

  @Test
  void fiftyMegabytesASecondAreBoundedOnDiskAndBlockNobody() throws IOException {
    var plain =
        new PlainJob(
            DIR,
            "floods",
            """
            million = (b"x" * 99 + b"\\n") * 10_000
            longest = 0
            for step in range(4):
                began = time.monotonic()
                for _ in range(50):
                    before = time.monotonic()
                    sys.stdout.buffer.write(million)
                    sys.stdout.buffer.flush()
                    longest = max(longest, time.monotonic() - before)
                print(f"step={step + 1} loss=0.5", flush=True)
                time.sleep(max(0, began + 1 - time.monotonic()))
            note(f"{longest:.3f}")
            """);
    String id = fleet.submit(plain.with("nodes: 1").file());
    JsonNode job = fleet.awaitPhase(id, "SUCCEEDED");

    Path groups = fleet.dataDir(Fleet.nodeOfRank(job, 0)).resolve("groups").resolve(id);
    long kept = 0;
    try (var files = Files.walk(groups)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".log")).toList()) {
        kept += Files.size(file);
      }
    }
    assertThat(kept).isLessThanOrEqualTo(72L << 20).isGreaterThan(32L << 20);
    assertThat(Double.parseDouble(plain.notes().get(0))).as("longest wait").isLessThan(5);
    assertThat(job.path("progress").path("step").asInt()).isEqualTo(4);
  }

  @Test
  void outputThatIsNotUtf8IsShownAsFarAsItCanBe() {
    var plain =
        new PlainJob(
            DIR,
            "bytes",
            """
            os.write(1, b"caf\\xe9 \\xff\\xfe\\x00\\x80 \\xe4\\xb8\\n")
            os.write(2, "步骤 done\\n".encode())
            raise ValueError("\\udce9 is no text")
            """);
    String id = fleet.submit(plain.with("nodes: 1").with("restart: {max: 0}").file());

    JsonNode job = fleet.awaitPhase(id, "FAILED");

    assertThat(job.path("exitCode").asInt()).isEqualTo(3);
    assertThat(job.path("reason").path("message").asText()).contains("ValueError");
    Fleet.Said logs = fleet.cli("logs", id);
    assertThat(logs.exit()).as(logs.err()).isZero();
    assertThat(logs.out()).contains("caf\uFFFD ").contains("步骤 done");
  }

  @Test
  void namesInChineseAreKeptEverywhere() throws IOException {
    var plain =
        new PlainJob(
            DIR,
            "预训练",
            """
            print(sys.argv[1], os.environ["说明"] if "说明" in os.environ else os.environ["NOTE"])
            with open(os.path.join(os.environ["OUTPUT_DIR"], "结果.txt"), "w", encoding="utf-8") as f:
                f.write(sys.argv[1])
            """);
    Path output = plain.dir().resolve("输出");
    Files.move(plain.dir().resolve("train.py"), plain.dir().resolve("训练.py"));
    plain.script(Path.of("训练.py"));
    String id =
        fleet.submit(
            plain
                .with("nodes: 2")
                .with("args: [参数]")
                .with("env: {NOTE: 说明}")
                .with("paths: {output: %s}".formatted(output))
                .file());

    JsonNode job = fleet.awaitPhase(id, "SUCCEEDED");

    assertThat(job.path("name").asText()).isEqualTo("预训练");
    assertThat(fleet.cli("list").out()).contains("预训练");
    assertThat(fleet.cli("describe", id).out()).contains("预训练");
    assertThat(fleet.cli("logs", id).out()).contains("参数 说明");
    assertThat(output.resolve("结果.txt")).hasContent("参数");
  }

  // what a node finds at its door

  @Test
  void aPortTakenJustBeforeTheStartCostsNoBudget() {
    var plain =
        new PlainJob(DIR, "port", "note(os.environ['MASTER_PORT'])")
            .python(
                """
                #!%1$s
                import os, socket, sys
                if os.environ["NODE_RANK"] + os.environ["LOCKSTEP_ATTEMPT"] == "01":
                    taken = socket.create_server(("", int(sys.argv[sys.argv.index("--master-port") + 1])))
                    taken.set_inheritable(True)
                os.execv("%1$s", ["%1$s", *sys.argv[1:]])
                """
                    .formatted(Installation.PYTHON));
    String id = fleet.submit(plain.with("nodes: 2").with("restart: {max: 0}").file());

    JsonNode job = fleet.awaitPhase(id, "SUCCEEDED");

    assertThat(job.path("attempts").get(0).path("cause").path("code").asText())
        .isEqualTo("PORT_TAKEN");
    assertThat(job.path("restarts").path("counted").asInt()).isZero();
    assertThat(job.path("restarts").path("uncounted").asInt()).isEqualTo(1);
    assertThat(plain.notes()).as("both ranks, on one port").hasSize(2);
    assertThat(plain.notes().get(0)).isEqualTo(plain.notes().get(1));
  }

  @Test
  void aScriptThatIsMissingOrDifferentOnOneNodeIsRefusedByName() {
    assumeTrue(OWN_DISKS, "needs mounts of one's own");
    PlainJob.write(DIR.resolve("disk-0/one.py"), "print('here')");
    PlainJob.write(DIR.resolve("disk-0/two.py"), "print('old')");
    PlainJob.write(DIR.resolve("disk-1/two.py"), "print('new')");
    var missing = new PlainJob(DIR, "script-missing", "pass").script(LOCAL.resolve("one.py"));
    var different = new PlainJob(DIR, "script-differs", "pass").script(LOCAL.resolve("two.py"));
    String first = fleet.submit(missing.on(fleet.address(0), fleet.address(1)).file());
    String second = fleet.submit(different.on(fleet.address(0), fleet.address(1)).file());

    JsonNode lacks = fleet.awaitPhase(first, "FAILED");
    assertRefused(lacks, "SCRIPT_MISSING");
    assertThat(message(lacks))
        .contains(fleet.address(1) + ": ", LOCAL.resolve("one.py").toString());

    JsonNode differs = fleet.awaitPhase(second, "FAILED");
    assertRefused(differs, "DIFFERENT_SCRIPT");
    assertThat(message(differs)).contains(fleet.address(0), fleet.address(1), "two.py");
  }

  @Test
  void anOutputFolderThatIsReadOnlyOnOneNodeIsRefusedByName() {
    assumeTrue(OWN_DISKS, "needs mounts of one's own");
    Path output = LOCAL.resolve("readonly");
    var plain = new PlainJob(DIR, "readonly", "note('ran')").on(fleet.address(2), fleet.address(3));
    plain.with("paths: {output: %s}".formatted(output)).with("checkpoint: {format: hf-deepspeed}");
    String id = fleet.submit(plain.file());

    JsonNode job = fleet.awaitPhase(id, "FAILED");

    assertRefused(job, "CHECKPOINT_DIR_UNWRITABLE");
    assertThat(message(job)).contains(fleet.address(3) + ": ", output.toString(), "Read-only");
    assertThat(plain.notes()).isEmpty();
  }

  @Test
  void anInvalidZeroConfigurationIsRefusedBeforeAnythingIsQueued() {
    Path broken = PlainJob.write(DIR.resolve("broken.json"), "{\"zero_optimization\": {");
    Path wrong =
        PlainJob.write(
            DIR.resolve("wrong.json"), "{\"zero_optimization\": {\"stage\": 7}, \"bf16\": 1}");
    for (Path zero : List.of(broken, wrong)) {
      var plain = new PlainJob(DIR, "zero-invalid", "pass").with("nodes: 1").with("zero: " + zero);

      Fleet.Said said = fleet.cli("submit", plain.file().toString());

      assertThat(said.exit()).as(said.err()).isEqualTo(9);
      assertThat(said.err()).contains("zero");
      assertThat(said.out()).isEmpty();
    }
    assertThat(fleet.jobs()).noneMatch(j -> j.path("name").asText().equals("zero-invalid"));
  }

  // leaves

  private static void assertRefused(JsonNode job, String code) {
    assertThat(job.path("reason").path("code").asText()).isEqualTo(code);
    assertThat(job.path("exitCode").asInt()).isEqualTo(9);
    assertThat(job.path("attempts").size()).isEqualTo(1);
  }

  private static String message(JsonNode job) {
    return job.path("reason").path("message").asText();
  }

  private static void awaitNotes(PlainJob job, int count) {
    await("%d notes in %s".formatted(count, job.dir()))
        .atMost(Fleet.LIMIT)
        .until(() -> job.notes().size() >= count);
  }
}
