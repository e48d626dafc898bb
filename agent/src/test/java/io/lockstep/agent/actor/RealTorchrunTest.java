package io.lockstep.agent.actor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import io.lockstep.agent.Jobs;
import io.lockstep.agent.TrainingPython;
import io.lockstep.agent.host.AgentHost;
import io.lockstep.agent.host.AgentSettings;
import io.lockstep.agent.process.GroupFolder;
import io.lockstep.agent.process.ProcessScan;
import io.lockstep.protocol.message.AgentCommand;
import io.lockstep.protocol.message.AgentReport;
import io.lockstep.protocol.message.ToAgent;
import io.lockstep.protocol.message.ToCoordinator;
import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.Progress;
import io.lockstep.protocol.model.RankTable;
import io.lockstep.protocol.model.Term;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Predicate;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Two agents and the real torchrun, with this test in the coordinator's place. */
@Tag("slow")
@DisabledIfSystemProperty(named = "slow.tests", matches = "false")
class RealTorchrunTest {
  private static final Path SHIM = Path.of("src/main/python/lockstep_shim").toAbsolutePath();
  private static final Path EXAMPLES = Path.of("../deploy/examples").toAbsolutePath().normalize();
  private static final Duration LIMIT = Duration.ofSeconds(90);
  private static final Term TERM = new Term(1);
  private static final Optional<String> FOUNDING = Optional.of("founding-1");

  private static final String READY = "warm pool ready";

  private static String python = "";

  @BeforeAll
  static void preparePython() throws Exception {
    python = TrainingPython.path();
  }

  /** One agent on an address of its own. */
  private static final class Node implements AutoCloseable {
    private final AgentSettings settings;
    private final AgentHost host;
    private final TestProbe<ToCoordinator> probe;
    private final ActorRef<ToAgent> agent;
    private final String disk;
    private final int rank;

    Node(ActorTestKit kit, Path dir, String address, int rank) throws Exception {
      this.rank = rank;
      settings =
          Jobs.settings(
              address,
              ThreadLocalRandom.current().nextInt(100_000, 999_999),
              dir.resolve("data-" + rank),
              SHIM,
              python);
      host = AgentHost.open(settings);
      probe = kit.createTestProbe();
      agent = kit.spawn(AgentActor.create(settings, probe.getRef(), host));
      disk = expect(AgentReport.Hello.class, r -> true).disk();
    }

    <T> T expect(Class<T> type, Predicate<T> wanted) {
      long deadline = System.nanoTime() + LIMIT.toNanos();
      while (System.nanoTime() < deadline) {
        ToCoordinator next = probe.receiveMessage(LIMIT);
        if (type.isInstance(next) && wanted.test(type.cast(next))) {
          return type.cast(next);
        }
      }
      throw new AssertionError("no " + type.getSimpleName() + " from " + settings.node());
    }

    AgentReport.Prepared prepare(Fence fence, JobSpec job, RankTable table) {
      agent.tell(
          new AgentCommand.Prepare(
              TERM,
              FOUNDING,
              new LaunchSpec(
                  fence, settings.node(), rank, table, disk, job, Optional.empty(), "")));
      return expect(AgentReport.Prepared.class, r -> r.fence().equals(fence));
    }

    void start(Fence fence, int port, Optional<CompleteCheckpoint> resume) {
      agent.tell(new AgentCommand.Start(TERM, FOUNDING, fence, port, resume, false));
    }

    ExitReport exit(Fence fence) {
      return expect(AgentReport.Exited.class, r -> r.fence().equals(fence)).report();
    }

    boolean said(Fence fence, String file, String words) throws IOException {
      Path log = GroupFolder.of(settings.dataDir(), fence).path().resolve(file);
      return Files.exists(log) && Files.readString(log).contains(words);
    }

    List<ProcessScan.Found> living() {
      return new ProcessScan(settings.markerPrefix()).living(fence -> true);
    }

    @Override
    public void close() throws IOException {
      host.close();
      try {
        new ProcessScan(settings.markerPrefix()).end(fence -> true, Duration.ofSeconds(10));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static JobSpec job(Path dir, String warm, int steps) throws Exception {
    Path out = Files.createDirectories(dir.resolve("out"));
    return new JobSpec(
        "bare",
        EXAMPLES.resolve("bare_train.py").toString(),
        List.of(
            "--steps",
            Integer.toString(steps),
            "--step-seconds",
            "0.2",
            "--save-steps",
            "5",
            "--output_dir",
            out.toString()),
        dir.toString(),
        2,
        1,
        List.of(),
        0,
        0,
        Optional.empty(),
        JobSpec.Paths.NONE,
        Map.of(),
        Jobs.checkpointIn(out, CheckpointFormat.HF_DEEPSPEED),
        JobSpec.Restart.DEFAULT,
        JobSpec.Deadlines.DEFAULT,
        warm,
        Optional.empty());
  }

  @ParameterizedTest
  @ValueSource(strings = {"off", "auto"})
  void aGangOfTwoNodesLosesAWorkerAndGoesOnFromItsCheckpoint(
      String warm, @TempDir(cleanup = CleanupMode.ON_SUCCESS) Path dir) throws Exception {
    ActorTestKit kit = ActorTestKit.create();
    try (Node first = new Node(kit, dir, "127.0.0.2", 0);
        Node second = new Node(kit, dir, "127.0.0.3", 1)) {
      int steps = 150; // a warm pool takes its time, of torchrun alone too
      JobSpec job = job(dir, warm, steps);
      var table =
          new RankTable(
              List.of(
                  new RankTable.Entry(first.settings.node(), "127.0.0.2"),
                  new RankTable.Entry(second.settings.node(), "127.0.0.3")),
              1);
      Fence one = Jobs.fence(1);
      int port = first.prepare(one, job, table).masterPort().orElseThrow();
      assertThat(second.prepare(one, job, table).masterPort()).isEmpty();
      first.start(one, port, Optional.empty());
      second.start(one, port, Optional.empty());
      first.expect(AgentReport.Started.class, r -> r.fence().equals(one));
      var victim =
          second.expect(AgentReport.Started.class, r -> r.fence().equals(one)).workers().get(0);
      var beat =
          first.expect(
              AgentReport.Heartbeat.class,
              h -> h.group().flatMap(g -> g.lastCheckpoint()).isPresent());
      assertThat(beat.group().flatMap(g -> g.progress()).map(Progress::step).orElse(0L))
          .isPositive();

      await()
          .atMost(LIMIT)
          .until(() -> first.said(one, "warm.log", READY) && second.said(one, "warm.log", READY));
      ProcessHandle.of(victim.pid()).orElseThrow().destroyForcibly();
      var cause = second.exit(one).firstFailure().orElseThrow();
      assertThat(cause.rank()).isEqualTo(1);
      assertThat(cause.signal()).contains(9);

      Fence two = Jobs.fence(2);
      var prepared = first.prepare(two, job, table);
      second.prepare(two, job, table);
      assertThat(first.living()).isEmpty();
      assertThat(second.living()).isEmpty();
      assertThat(prepared.masterPort().orElseThrow()).isNotEqualTo(port);
      assertThat(prepared.checkpoints().owner().orElseThrow().job()).isEqualTo("llama");
      CompleteCheckpoint resume = prepared.checkpoints().complete().get(0);
      assertThat(resume.worldSize()).isEqualTo(2);
      assertThat(resume.step()).isBetween(5L, (long) steps);
      first.start(two, prepared.masterPort().orElseThrow(), Optional.of(resume));
      second.start(two, prepared.masterPort().orElseThrow(), Optional.of(resume));
      assertThat(first.exit(two).outcome()).isEqualTo(ExitReport.Outcome.SUCCEEDED);
      assertThat(second.exit(two).outcome()).isEqualTo(ExitReport.Outcome.SUCCEEDED);
      String how = "torchrun started warm" + (warm.equals("off") ? ", its workers cold" : " pid");
      assertThat(first.said(two, "shim.log", how)).isTrue();
      assertThat(second.said(two, "shim.log", how)).isTrue();
      await().atMost(LIMIT).until(() -> first.living().isEmpty() && second.living().isEmpty());
    } finally {
      kit.shutdownTestKit();
    }
  }
}
