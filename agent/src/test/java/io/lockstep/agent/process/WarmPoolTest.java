package io.lockstep.agent.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.lockstep.agent.Jobs;
import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.StandbyOrder;
import io.lockstep.protocol.model.WarmStatus;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** When a standby is made, and of what. */
@SuppressWarnings("NullAway.Init") // JUnit sets the folder
class WarmPoolTest {
  @Test
  void itIsMadeWhenTheFirstStepsAreDone() {
    assertThat(WarmPool.isDue(Optional.of(Duration.ZERO), false, false, true)).isFalse();
    assertThat(WarmPool.isDue(Optional.of(Duration.ZERO), true, true, true)).isTrue();
  }

  @ParameterizedTest
  @CsvSource({"false, false, 15", "false, true, 3", "true, false, 120", "true, true, 120"})
  void whereNoStepIsToldItIsMadeAfterAWhile(boolean tellsSteps, boolean warm, long seconds) {
    Duration limit = Duration.ofSeconds(seconds);
    Optional<Duration> before = Optional.of(limit.minusMillis(1));
    assertThat(WarmPool.isDue(before, false, tellsSteps, warm)).isFalse();
    assertThat(WarmPool.isDue(Optional.of(limit), false, tellsSteps, warm)).isTrue();
  }

  @Test
  void itNeverCompetesWithAStart() {
    assertThat(WarmPool.isDue(Optional.empty(), true, true, true)).isFalse();
  }

  @Test
  void autoMeansWhatTheScriptImportsAndAListExactlyThese() {
    assertThat(WarmPool.spec(job("auto", JobSpec.Entry.FILE), Set.of()))
        .isEqualTo(Map.of("script", "train.py", "loadSeconds", 90L));
    assertThat(WarmPool.spec(job("torch,transformers.trainer", JobSpec.Entry.FILE), Set.of()))
        .isEqualTo(
            Map.of(
                "script",
                "train.py",
                "modules",
                List.of("torch", "transformers.trainer"),
                "loadSeconds",
                90L));
  }

  @ParameterizedTest
  @CsvSource({"0, 90", "1, 1", "40, 20", "60, 30", "90, 60", "120, 90", "31536000, 3600"})
  void aStartThatLoadsLeavesTimeForTheRestOfIt(long deadlineSeconds, long loadSeconds) {
    JobSpec.Deadlines unsaid = JobSpec.Deadlines.DEFAULT;
    var deadlines =
        new JobSpec.Deadlines(
            unsaid.prepare(),
            Duration.ofSeconds(deadlineSeconds),
            unsaid.firstStep(),
            unsaid.noProgress(),
            unsaid.lease());
    assertThat(WarmPool.spec(job("auto", JobSpec.Entry.FILE, deadlines), Set.of()))
        .containsEntry("loadSeconds", loadSeconds);
  }

  @Test
  void theOpsOfTheJobAreNamedAsDeepSpeedNamesThem() {
    assertThat(WarmPool.spec(job("auto", JobSpec.Entry.FILE), Set.of(DeepSpeedOp.CPU_ADAM)))
        .isEqualTo(Map.of("script", "train.py", "ops", List.of("cpu_adam"), "loadSeconds", 90L));
  }

  @Test
  void workersOfOffOfModulesAndOfProgramsStartColdFromATorchrunThatIsLoaded() {
    Map<String, Object> torchrunOnly = Map.of("script", "train.py", "workers", "cold");
    for (JobSpec job :
        List.of(
            job("off", JobSpec.Entry.FILE),
            job("auto", JobSpec.Entry.MODULE),
            job("auto", JobSpec.Entry.PROGRAM))) {
      assertThat(WarmPool.spec(job, Set.of(DeepSpeedOp.CPU_ADAM))).isEqualTo(torchrunOnly);
    }
  }

  // a spare's

  @TempDir Path dir;

  /** A closed pool's process leaves its mark a moment later: not while the folder is deleted. */
  @AfterEach
  void awaitEnds() {
    await().until(() -> count("ended") == count("begun"));
  }

  /** Says that it is ready, as a standby does, until its stdin ends; then it leaves a mark. */
  private WarmPool pool(String says) throws IOException {
    Path python = dir.resolve("python");
    Files.writeString(
        python,
        "#!/bin/sh\necho $$ >> %s/begun\necho '%s'\ncat > /dev/null\necho $$ >> %s/ended\n"
            .formatted(dir, says, dir));
    Files.setPosixFilePermissions(python, PosixFilePermissions.fromString("rwx------"));
    return new WarmPool(python.toString(), dir.resolve("shim"), true);
  }

  /** One that still loads, and answers so to each line. */
  private WarmPool loadingPool(String answers) throws IOException {
    Path python = dir.resolve("python");
    Files.writeString(
        python,
        """
        #!/bin/sh
        echo $$ >> %1$s/begun
        while read -r line; do case $line in adopt*) echo '%2$s' ;; esac; done
        echo $$ >> %1$s/ended
        """
            .formatted(dir, answers));
    Files.setPosixFilePermissions(python, PosixFilePermissions.fromString("rwx------"));
    return new WarmPool(python.toString(), dir.resolve("shim"), true);
  }

  private static final String READY = "{\"type\":\"ready\"}";

  private void standBy(WarmPool pool, StandbyOrder order) {
    pool.standBy(order, "it is a spare", () -> new GroupFolder(dir), 0);
  }

  private static StandbyOrder order(String job, int attempt, int procs) {
    return new StandbyOrder(
        new Fence(attempt, new JobId(job), new Attempt(attempt)),
        job("auto", JobSpec.Entry.FILE),
        procs,
        Optional.empty());
  }

  private static WarmStatus status(WarmPool pool) {
    return pool.status(Optional.of(5L)).orElseThrow();
  }

  private long count(String mark) throws IOException {
    Path file = dir.resolve(mark);
    return Files.exists(file) ? Files.readAllLines(file).size() : 0;
  }

  private static void awaitReady(WarmPool pool) {
    await().until(() -> status(pool).phase() == WarmStatus.Phase.READY);
  }

  @Test
  void aSpareKeepsOnePoolAndSaysWhatItTakes() throws IOException {
    try (WarmPool pool = pool(READY)) {
      standBy(pool, order("a", 1, 2));
      awaitReady(pool);
      standBy(pool, order("a", 1, 2));
      pool.look(List.of(), Duration.ofHours(9).toNanos());

      assertThat(count("begun")).isEqualTo(1);
      assertThat(status(pool))
          .isEqualTo(
              new WarmStatus(
                  new JobId("a"),
                  Optional.of(order("a", 1, 2).fence()),
                  WarmStatus.Phase.READY,
                  Optional.of(5L),
                  Optional.empty()));
    }
    await().until(() -> count("ended") == 1);
  }

  @Test
  void theNextAttemptOfTheJobHasTheSamePool() throws IOException {
    try (WarmPool pool = pool(READY)) {
      standBy(pool, order("a", 1, 2));
      standBy(pool, order("a", 2, 2));

      assertThat(status(pool).standsBy()).contains(order("a", 2, 2).fence());
      awaitReady(pool);
      assertThat(count("begun")).isEqualTo(1);
    }
  }

  @Test
  void anotherJobOrOtherWorkersGetAnotherPool() throws IOException {
    try (WarmPool pool = pool(READY)) {
      standBy(pool, order("a", 1, 2));
      awaitReady(pool);
      standBy(pool, order("a", 2, 4));
      awaitReady(pool);
      standBy(pool, order("b", 3, 4));

      assertThat(status(pool).job()).isEqualTo(new JobId("b"));
      await().until(() -> count("begun") == 3 && count("ended") == 2);
    }
  }

  @Test
  void oneThatIsNoSpareAnyMoreKeepsNone() throws IOException {
    try (WarmPool pool = pool(READY)) {
      standBy(pool, order("a", 1, 2));
      awaitReady(pool);
      pool.standDown("its job is over");

      assertThat(pool.status(Optional.empty())).isEmpty();
      await().until(() -> count("ended") == 1);
    }
  }

  @Test
  void oneThatFailedIsSaidAndTriedAgainForTheNextAttemptOnly() throws IOException {
    try (WarmPool pool = pool("{\"type\":\"failed\",\"why\":\"no torch\"}")) {
      standBy(pool, order("a", 1, 2));
      await().until(() -> status(pool).phase() == WarmStatus.Phase.FAILED);
      pool.look(List.of(), 0);
      standBy(pool, order("a", 1, 2));

      assertThat(status(pool).problem().orElseThrow()).contains("standby/warm.log");
      assertThat(status(pool).standsBy()).contains(order("a", 1, 2).fence());
      assertThat(count("begun")).isEqualTo(1);
      standBy(pool, order("a", 2, 2));
      await().until(() -> count("begun") == 2);
    }
  }

  @Test
  void oneThatStillLoadsIsAdoptedAndAwaited() throws Exception {
    try (WarmPool pool = loadingPool("{\"pid\":5}")) {
      standBy(pool, order("a", 1, 2));
      Fence next = order("a", 2, 2).fence();
      LaunchSpec launch = Jobs.launch(next, job("auto", JobSpec.Entry.FILE), "disk");

      assertThat(pool.adopt(launch, dir.resolve("spec")).orElseThrow().path("pid").asInt())
          .isEqualTo(5);
      assertThat(pool.whyNone(next)).contains("its warm pool was still loading");
      assertThat(pool.pid()).as("it is the attempt's now").isEmpty();
    }
    end();
  }

  @Test
  void whereAStartHasNoTimeForItItStays() throws Exception {
    String refused = "{\"type\":\"refused\",\"loading\":true,\"why\":\"still loading torch\"}";
    try (WarmPool pool = loadingPool(refused)) {
      standBy(pool, order("a", 1, 2));
      Fence next = order("a", 2, 2).fence();
      LaunchSpec launch = Jobs.launch(next, job("off", JobSpec.Entry.FILE), "disk");

      assertThat(pool.adopt(launch, dir.resolve("spec"))).isEmpty();
      assertThat(pool.whyNone(next)).contains("still loading torch");
      assertThat(status(pool).phase()).isEqualTo(WarmStatus.Phase.LOADING);
    }
  }

  /** An adopted one outlives its pool. */
  private void end() throws IOException {
    for (String pid : Files.readAllLines(dir.resolve("begun"))) {
      ProcessHandle.of(Long.parseLong(pid)).ifPresent(ProcessHandle::destroyForcibly);
      Files.writeString(
          dir.resolve("ended"), pid + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }
  }

  @Test
  void aHostWithoutWarmPoolsSaysSo() throws IOException {
    try (var pool = new WarmPool("python3", dir, false)) {
      standBy(pool, order("a", 1, 2));

      assertThat(status(pool).phase()).isEqualTo(WarmStatus.Phase.FAILED);
      assertThat(status(pool).problem()).contains("this daemon keeps no warm pools");
    }
  }

  @Test
  void memoryIsThatOfTheWholeTree() throws IOException {
    assertThat(ProcessMemory.parse("Rss:  9 kB\nPss:  1234 kB\nPss_Anon: 7 kB\n"))
        .contains(1234L << 10);
    assertThat(ProcessMemory.ofTree(ProcessHandle.current().pid()).orElseThrow())
        .isGreaterThan(1L << 20);
    assertThat(ProcessMemory.ofTree(Long.MAX_VALUE)).isEmpty();
  }

  private static JobSpec job(String warm, JobSpec.Entry entry) {
    return job(warm, entry, Jobs.job().deadlines());
  }

  private static JobSpec job(String warm, JobSpec.Entry entry, JobSpec.Deadlines deadlines) {
    JobSpec plain = Jobs.job();
    return new JobSpec(
        plain.name(),
        plain.script(),
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
        deadlines,
        warm,
        plain.python(),
        entry,
        plain.pins());
  }
}
