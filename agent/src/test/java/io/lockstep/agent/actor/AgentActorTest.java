package io.lockstep.agent.actor;

import static io.lockstep.agent.Jobs.fence;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lockstep.agent.Jobs;
import io.lockstep.agent.host.AgentHost;
import io.lockstep.agent.host.AgentSettings;
import io.lockstep.agent.process.GroupFolder;
import io.lockstep.agent.process.ProcessScan;
import io.lockstep.protocol.message.AgentCommand;
import io.lockstep.protocol.message.AgentQuery;
import io.lockstep.protocol.message.AgentReport;
import io.lockstep.protocol.message.ToAgent;
import io.lockstep.protocol.message.ToCoordinator;
import io.lockstep.protocol.message.WireJson;
import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.GroupStatus;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.ReasonCode;
import io.lockstep.protocol.model.Term;
import io.lockstep.protocol.model.WorkerInfo;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Predicate;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;

/** The whole node: actor, host, real shim, and a torchrun that is a small Python script. */
@NullUnmarked // JUnit fills the fields in
class AgentActorTest {
  private static final Path SHIM = Path.of("src/main/python/lockstep_shim").toAbsolutePath();
  private static final Path FAKE = Path.of("src/test/resources/fake").toAbsolutePath();
  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final Term TERM = new Term(1);
  private static final Optional<String> FOUNDING = Optional.of("founding-1");
  private static final ObjectMapper JSON = WireJson.json();

  @TempDir(cleanup = CleanupMode.ON_SUCCESS)
  Path dir;

  private final int port = ThreadLocalRandom.current().nextInt(100_000, 999_999);
  private ActorTestKit kit;
  private TestProbe<ToCoordinator> coordinator;
  private AgentHost host;
  private ActorRef<ToAgent> agent;
  private String disk = "";

  @BeforeEach
  void openAgent() throws Exception {
    assumeTrue(Files.exists(SHIM.resolve("shim.py")), "the shim is not built yet");
    kit = ActorTestKit.create();
    open();
  }

  @AfterEach
  void endEverything() throws Exception {
    if (kit == null) {
      return;
    }
    kit.shutdownTestKit();
    host.close();
    new ProcessScan(settings().markerPrefix()).end(fence -> true, Duration.ofSeconds(10));
  }

  private AgentSettings settings() {
    return Jobs.settings(port, dir.resolve("data"), SHIM, "python3");
  }

  private void open() throws Exception {
    coordinator = kit.createTestProbe();
    host = AgentHost.open(settings());
    begin();
  }

  private void begin() {
    agent = kit.spawn(AgentActor.create(settings(), coordinator.getRef(), host));
    disk = expect(AgentReport.Hello.class, r -> true).disk();
  }

  private void stopActor() {
    kit.stop(agent, LIMIT);
  }

  /** As when the daemon is killed and started again: nothing but the disk is left. */
  private void reopenEverything() throws Exception {
    stopActor();
    host.close();
    open();
  }

  private <T> T expect(Class<T> type, Predicate<T> wanted) {
    long deadline = System.nanoTime() + LIMIT.toNanos();
    while (System.nanoTime() < deadline) {
      ToCoordinator next = coordinator.receiveMessage(LIMIT);
      if (type.isInstance(next) && wanted.test(type.cast(next))) {
        return type.cast(next);
      }
      if (next instanceof AgentReport.PrepareRejected r && type == AgentReport.Prepared.class) {
        throw new AssertionError(r.reason().toString());
      }
    }
    throw new AssertionError("no " + type.getSimpleName());
  }

  private AgentReport.Exited expectExit(Fence fence) {
    return expect(AgentReport.Exited.class, r -> r.fence().equals(fence));
  }

  private JobSpec job(String mode, int procs, JobSpec.Checkpoint checkpoint) throws IOException {
    Path work = Files.createDirectories(dir.resolve("work"));
    Files.copy(
        FAKE.resolve("worker.py"),
        work.resolve("worker.py"),
        java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    Path python = work.resolve("python");
    Files.writeString(
        python,
        """
        #!/bin/sh
        if [ "$1" = -m ] && [ "$2" = torch.distributed.run ]; then
          shift 2
          exec python3 %s "$@"
        fi
        exec python3 "$@"
        """
            .formatted(FAKE.resolve("torchrun.py")));
    Files.setPosixFilePermissions(python, PosixFilePermissions.fromString("rwx------"));
    return Jobs.local(
        work,
        "worker.py",
        List.of(work.toString(), mode),
        procs,
        checkpoint,
        Optional.of(python.toString()));
  }

  private LaunchSpec launch(long plan, JobSpec job) {
    return Jobs.alone(fence(plan), job, disk, Optional.of("{\"zero_optimization\":{}}"));
  }

  private AgentReport.Prepared prepare(LaunchSpec launch) {
    agent.tell(new AgentCommand.Prepare(TERM, FOUNDING, launch));
    return expect(AgentReport.Prepared.class, r -> r.fence().equals(launch.fence()));
  }

  private List<WorkerInfo> start(long plan, JobSpec job) {
    AgentReport.Prepared prepared = prepare(launch(plan, job));
    agent.tell(
        new AgentCommand.Start(
            TERM,
            FOUNDING,
            fence(plan),
            prepared.masterPort().orElseThrow(),
            Optional.empty(),
            false));
    var workers = expect(AgentReport.Started.class, r -> r.fence().equals(fence(plan))).workers();
    acknowledge(plan, AgentCommand.ReportKind.STARTED);
    for (WorkerInfo worker : workers) {
      // Past the script's first lines: TERM has its handler.
      await()
          .atMost(LIMIT)
          .until(() -> Files.exists(dir.resolve("work/rank-" + worker.rank() + ".json")));
    }
    return workers;
  }

  private void acknowledge(long plan, AgentCommand.ReportKind kind) {
    agent.tell(new AgentCommand.Acknowledge(TERM, FOUNDING, fence(plan), kind));
  }

  private void stop(long plan, Duration grace) {
    agent.tell(new AgentCommand.Stop(TERM, FOUNDING, fence(plan), grace, disk, "test"));
  }

  private void finish() throws IOException {
    Files.createFile(dir.resolve("work/finish"));
  }

  private List<ProcessScan.Found> living() {
    return new ProcessScan(settings().markerPrefix()).living(fence -> true);
  }

  private void nothingIsLeft() {
    await().atMost(LIMIT).until(() -> living().isEmpty());
    await().atMost(LIMIT).untilAsserted(() -> assertThat(fifosAndSockets()).isEmpty());
  }

  private List<Path> fifosAndSockets() throws IOException {
    try (var all = Files.walk(dir.resolve("data"))) {
      return all.filter(p -> !Files.isDirectory(p) && !Files.isRegularFile(p)).toList();
    }
  }

  private JsonNode seenBy(int rank) throws IOException {
    return JSON.readTree(Files.readAllBytes(dir.resolve("work/rank-" + rank + ".json")));
  }

  @Test
  void aGroupRunsToItsEndAndIsSaidUntilAcknowledged() throws Exception {
    start(7, job("wait", 2, Jobs.NO_CHECKPOINT));
    var env = seenBy(1).path("env");
    assertThat(env.path("LOCKSTEP_JOB").asText()).isEqualTo("llama");
    assertThat(env.path("LOCKSTEP_ATTEMPT").asText()).isEqualTo("7");
    assertThat(env.path("LOCKSTEP_RESUME_FROM").asText("none")).isEmpty();
    assertThat(env.path("RANK").asText()).isEqualTo("1");
    assertThat(seenBy(0).path("args").path(0).asText()).isEqualTo("--deepspeed");
    assertThat(Path.of(seenBy(0).path("args").path(1).asText()))
        .hasContent("{\"zero_optimization\":{}}");
    finish();
    var report = expectExit(fence(7)).report();
    assertThat(report.outcome()).isEqualTo(ExitReport.Outcome.SUCCEEDED);
    assertThat(report.treeGone()).isTrue();
    expectExit(fence(7)); // again, a second later
    acknowledge(7, AgentCommand.ReportKind.EXITED);
    expect(AgentReport.Heartbeat.class, h -> h.group().isEmpty());
    nothingIsLeft();
  }

  @Test
  void aKilledWorkerEndsTheGroupAndIsNamed() throws Exception {
    var workers = start(7, job("wait", 2, Jobs.NO_CHECKPOINT));
    ProcessHandle.of(workers.get(1).pid()).orElseThrow().destroyForcibly();
    var report = expectExit(fence(7)).report();
    assertThat(report.outcome()).isEqualTo(ExitReport.Outcome.FAILED);
    assertThat(report.treeGone()).isTrue();
    assertThat(report.firstFailure().orElseThrow().rank()).isEqualTo(1);
    assertThat(report.firstFailure().orElseThrow().signal()).contains(9);
    nothingIsLeft();
  }

  @Test
  void aFailingScriptsExitCodeAndOutputAreReported() throws Exception {
    var job = job("fail", 1, Jobs.NO_CHECKPOINT);
    var prepared = prepare(launch(7, job));
    agent.tell(
        new AgentCommand.Start(
            TERM,
            FOUNDING,
            fence(7),
            prepared.masterPort().orElseThrow(),
            Optional.empty(),
            false));
    var report = expectExit(fence(7)).report();
    assertThat(report.outcome()).isEqualTo(ExitReport.Outcome.FAILED);
    assertThat(report.firstFailure().orElseThrow().exitCode()).contains(7);
    assertThat(String.join("\n", report.tail())).contains("boom of rank 0");
  }

  @Test
  void aStopWithGraceLetsTheWorkersSave() throws Exception {
    start(7, job("wait", 1, Jobs.NO_CHECKPOINT));
    stop(7, Duration.ofSeconds(20));
    var report = expectExit(fence(7)).report();
    assertThat(report.outcome()).isEqualTo(ExitReport.Outcome.STOPPED);
    assertThat(log(0)).contains("hello from rank 0").contains("saved a last checkpoint");
    nothingIsLeft();
  }

  @Test
  void aScriptThatIgnoresTermAndHidesAChildIsEndedWhole() throws Exception {
    start(7, job("stubborn", 1, Jobs.NO_CHECKPOINT));
    stop(7, Duration.ofSeconds(1));
    assertThat(expectExit(fence(7)).report().treeGone()).isTrue();
    nothingIsLeft();
  }

  @Test
  void aShorterGraceShortensTheStop() throws Exception {
    start(7, job("stubborn", 1, Jobs.NO_CHECKPOINT));
    stop(7, Duration.ofMinutes(10));
    expect(
        AgentReport.Heartbeat.class,
        h -> h.group().filter(g -> g.phase() == GroupStatus.Phase.STOPPING).isPresent());
    stop(7, Duration.ZERO);
    assertThat(expectExit(fence(7)).report().outcome()).isEqualTo(ExitReport.Outcome.STOPPED);
  }

  @Test
  void theNextPrepareEndsTheOldGroupFirst() throws Exception {
    var workers = start(7, job("stubborn", 2, Jobs.NO_CHECKPOINT));
    Files.deleteIfExists(dir.resolve("work/rank-0.json"));
    prepare(launch(8, job("wait", 2, Jobs.NO_CHECKPOINT)));
    assertThat(living()).isEmpty();
    assertThat(workers)
        .allSatisfy(
            w -> assertThat(ProcessHandle.of(w.pid()).filter(ProcessHandle::isAlive)).isEmpty());
    assertThat(expectExit(fence(7)).report().treeGone()).isTrue();
  }

  @Test
  void aRestartedAgentAdoptsItsGroup() throws Exception {
    var workers = start(7, job("wait", 2, Jobs.NO_CHECKPOINT));
    String before = disk;
    reopenEverything();
    assertThat(disk).isEqualTo(before);
    var status =
        expect(AgentReport.Heartbeat.class, h -> h.group().isPresent()).group().orElseThrow();
    assertThat(status.phase()).isEqualTo(GroupStatus.Phase.RUNNING);
    assertThat(status.workers()).isEqualTo(workers);
    assertThat(workers)
        .allSatisfy(w -> assertThat(ProcessHandle.of(w.pid()).orElseThrow().isAlive()).isTrue());
    finish();
    assertThat(expectExit(fence(7)).report().outcome()).isEqualTo(ExitReport.Outcome.SUCCEEDED);
  }

  @Test
  void anActorSystemMadeAnewTakesTheGroupOver() throws Exception {
    var workers = start(7, job("wait", 1, Jobs.NO_CHECKPOINT));
    stopActor();
    begin();
    ProcessHandle.of(workers.get(0).pid()).orElseThrow().destroyForcibly();
    assertThat(expectExit(fence(7)).report().firstFailure().orElseThrow().signal()).contains(9);
  }

  @Test
  void aGroupThatFinishedWhileNobodyListenedIsFinished() throws Exception {
    start(7, job("wait", 1, Jobs.NO_CHECKPOINT));
    stopActor();
    finish();
    nothingIsLeft();
    begin();
    assertThat(expectExit(fence(7)).report().outcome()).isEqualTo(ExitReport.Outcome.SUCCEEDED);
  }

  @Test
  void aGroupThatFinishedWhileTheAgentWasAwayIsFinished() throws Exception {
    start(7, job("wait", 1, Jobs.NO_CHECKPOINT));
    stopActor();
    host.close();
    finish();
    nothingIsLeft();
    open();
    assertThat(expectExit(fence(7)).report().outcome()).isEqualTo(ExitReport.Outcome.SUCCEEDED);
  }

  @Test
  void aKilledShimsGroupIsEnded() throws Exception {
    start(7, job("stubborn", 2, Jobs.NO_CHECKPOINT));
    killShim(7);
    var report = expectExit(fence(7)).report();
    assertThat(report.outcome()).isEqualTo(ExitReport.Outcome.SHIM_LOST);
    assertThat(report.treeGone()).isTrue();
    nothingIsLeft();
  }

  @Test
  void aShimKilledWhileTheAgentWasAwayIsFoundOut() throws Exception {
    start(7, job("wait", 2, Jobs.NO_CHECKPOINT));
    stopActor();
    host.close();
    killShim(7);
    open();
    assertThat(expectExit(fence(7)).report().outcome()).isEqualTo(ExitReport.Outcome.SHIM_LOST);
    nothingIsLeft();
  }

  @Test
  void whatIsWrongAtTheDoorIsSaidAllAtOnce() throws Exception {
    JobSpec good = job("wait", 1, Jobs.NO_CHECKPOINT);
    var bad =
        new JobSpec(
            good.name(),
            "nowhere.py",
            good.args(),
            good.workdir(),
            1,
            1,
            List.of(),
            0,
            0,
            Optional.empty(),
            new JobSpec.Paths(
                Optional.of("/no/model"),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty()),
            good.env(),
            good.checkpoint(),
            good.restart(),
            good.deadlines(),
            "off",
            Optional.of("/no/python"));
    agent.tell(new AgentCommand.Prepare(TERM, FOUNDING, launch(7, bad)));
    var reason = expect(AgentReport.PrepareRejected.class, r -> true).reason();
    assertThat(reason.code()).isEqualTo(ReasonCode.SCRIPT_MISSING);
    assertThat(reason.message()).contains("127.0.0.1", "nowhere.py", "/no/model", "/no/python");
  }

  @Test
  void aCheckpointThatWentAwayIsNotStartedFrom() throws Exception {
    Path folder = Files.createDirectories(dir.resolve("checkpoints"));
    var job = job("wait", 1, Jobs.checkpointIn(folder, CheckpointFormat.HF_DEEPSPEED));
    prepare(launch(7, job));
    var gone =
        new io.lockstep.protocol.model.CompleteCheckpoint(
            folder.resolve("checkpoint-4").toString(), 4, 1);
    agent.tell(new AgentCommand.Start(TERM, FOUNDING, fence(7), 29_501, Optional.of(gone), false));
    var report = expectExit(fence(7)).report();
    assertThat(report.reason().orElseThrow().code()).isEqualTo(ReasonCode.CHECKPOINT_CHANGED);
    assertThat(report.treeGone()).isTrue();
    assertThat(GroupFolder.of(dir.resolve("data"), fence(7)).started()).doesNotExist();
  }

  @Test
  void theNodeOfRankZeroMovesNewerCheckpointsAsideAndMarksTheFolder() throws Exception {
    Path folder = Files.createDirectories(dir.resolve("checkpoints"));
    Files.createDirectories(folder.resolve("checkpoint-9"));
    start(7, job("wait", 1, Jobs.checkpointIn(folder, CheckpointFormat.HF_DEEPSPEED)));
    assertThat(folder.resolve("checkpoint-9")).doesNotExist();
    assertThat(folder.resolve("aside-7-checkpoint-9")).isDirectory();
    assertThat(Files.readString(folder.resolve(".lockstep-owner.json"))).contains("llama");
  }

  @Test
  void aFenceIsForkedAtMostOnceAlsoWhenTheMemoryWasLost() throws Exception {
    start(7, job("wait", 1, Jobs.NO_CHECKPOINT));
    stopActor();
    host.close();
    Files.delete(dir.resolve("data/agent.json"));
    String before = disk;
    open();
    assertThat(disk).isNotEqualTo(before);
    agent.tell(
        new AgentCommand.Stop(TERM, FOUNDING, fence(7), Duration.ZERO, before, "who are you"));
    expect(AgentReport.Unknown.class, r -> r.fence().equals(fence(7)));
    nothingIsLeft();
    prepare(launch(8, job("wait", 1, Jobs.NO_CHECKPOINT)));
    assertThat(living()).isEmpty();
  }

  @Test
  void aDiskThatTakesNothingDoesNotKeepAGroupRunning() throws Exception {
    start(7, job("wait", 1, Jobs.NO_CHECKPOINT));
    Path obstacle =
        dir.resolve("data/.agent.json." + ProcessHandle.current().pid() + ".tmp/obstacle");
    Files.createDirectories(obstacle);
    stop(7, Duration.ofSeconds(20));
    nothingIsLeft();
    Files.delete(obstacle);
    assertThat(expectExit(fence(7)).report().outcome()).isEqualTo(ExitReport.Outcome.STOPPED);
  }

  @Test
  void aFrozenShimIsKilledPast() throws Exception {
    start(7, job("wait", 1, Jobs.NO_CHECKPOINT));
    signalShim(7, "STOP");
    prepare(launch(8, job("wait", 1, Jobs.NO_CHECKPOINT)));
    assertThat(living()).isEmpty();
    assertThat(expectExit(fence(7)).report().treeGone()).isTrue();
  }

  @Test
  void aLogOfAnUnknownAttemptIsAProblemNotASilence() throws Exception {
    TestProbe<AgentQuery.LogChunk> reader = kit.createTestProbe();
    agent.tell(
        new AgentQuery.ReadLog(
            new JobId("nobody"), new Attempt(1), Optional.of(0), 0, 100, reader.getRef()));
    assertThat(reader.receiveMessage(LIMIT).problem()).isPresent();
  }

  private void killShim(long plan) throws Exception {
    signalShim(plan, "KILL");
  }

  private void signalShim(long plan, String signal) throws Exception {
    Path handle = GroupFolder.of(dir.resolve("data"), fence(plan)).path().resolve("handle.json");
    String pid = JSON.readTree(Files.readAllBytes(handle)).path("pid").asText();
    assertThat(new ProcessBuilder("kill", "-" + signal, pid).start().waitFor()).isZero();
  }

  private String log(int rank) {
    TestProbe<AgentQuery.LogChunk> reader = kit.createTestProbe();
    agent.tell(
        new AgentQuery.ReadLog(
            fence(7).job(), fence(7).attempt(), Optional.of(rank), 0, 10_000, reader.getRef()));
    return new String(reader.receiveMessage(LIMIT).data(), StandardCharsets.UTF_8);
  }

  @Test
  void aClusterThatIsFoundedAnewEndsWhatRanAndStartsTheSameFenceAgain() throws Exception {
    JobSpec job = job("wait", 1, Jobs.NO_CHECKPOINT);
    WorkerInfo before = start(7, job).get(0);
    Optional<String> other = Optional.of("founding-2");

    agent.tell(new AgentCommand.SayHello(TERM, other));
    var hello = expect(AgentReport.Hello.class, r -> r.founding().equals(other));
    agent.tell(new AgentCommand.Prepare(TERM, other, launch(7, job)));
    var prepared = expect(AgentReport.Prepared.class, r -> r.fence().equals(fence(7)));

    assertThat(hello.groups()).isEmpty();
    assertThat(ProcessHandle.of(before.pid()).filter(ProcessHandle::isAlive)).isEmpty();

    agent.tell(
        new AgentCommand.Start(
            TERM, other, fence(7), prepared.masterPort().orElseThrow(), Optional.empty(), false));
    var again = expect(AgentReport.Started.class, r -> r.fence().equals(fence(7))).workers();

    assertThat(again.get(0).pid()).isNotEqualTo(before.pid());
    assertThat(dir.resolve("data/groups-of-founding-1")).isDirectory();
    agent.tell(new AgentCommand.Stop(TERM, other, fence(7), Duration.ZERO, hello.disk(), "test"));
    expectExit(fence(7));
  }

  @Test
  void onAFullDiskItSaysSoAndThatItsGroupEnded() throws Exception {
    WorkerInfo worker = start(7, job("wait", 1, Jobs.NO_CHECKPOINT)).get(0);
    Path inTheWay =
        Files.createDirectories(
            dir.resolve("data/.agent.json." + ProcessHandle.current().pid() + ".tmp/full"));

    ProcessHandle.of(worker.pid()).orElseThrow().destroyForcibly();

    var beat = expect(AgentReport.Heartbeat.class, r -> r.trouble().isPresent());
    assertThat(beat.trouble().orElseThrow().code()).isEqualTo(ReasonCode.DISK_FULL);
    assertThat(beat.trouble().orElseThrow().message()).contains("free space");
    assertThat(expectExit(fence(7)).report().outcome()).isEqualTo(ExitReport.Outcome.FAILED);

    Files.delete(inTheWay);
    Files.deleteIfExists(inTheWay.resolve("..").normalize());
    expect(AgentReport.Heartbeat.class, r -> r.trouble().isEmpty());
    assertThat(host.stored().current()).isEmpty();
  }
}
