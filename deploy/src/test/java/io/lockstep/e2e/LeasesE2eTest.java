package io.lockstep.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;

/** Who may train, with real seats, shims and guards (docs/authority.md). */
@DisabledIfSystemProperty(named = "slow.tests", matches = "false")
@SuppressWarnings("NullAway.Init") // JUnit starts the fleet before anything reads it
final class LeasesE2eTest {
  private static final int DAEMONS = 4;

  /** The lease of 6 s, its margin of 1 s, and time for a busy machine to notice. */
  private static final Duration LEASE_IS_OVER = Duration.ofSeconds(12);

  private static final Path DIR = Installation.freshFolder("leases");
  private static final ObjectMapper JSON = new ObjectMapper();

  private static Fleet fleet;

  @BeforeAll
  static void startFleet() {
    fleet = Fleet.of(DIR, DAEMONS);
  }

  @AfterAll
  static void stopFleet() {
    fleet.close();
  }

  @AfterEach
  void fleetIsWholeAndIdle() {
    fleet.awaitWholeAndIdle();
  }

  @Test
  void aFrozenHostIsReplacedAndWhenItThawsItsWorkersEndBeforeTheyTrain() {
    var bare = new BareJob(DIR, "frozen-host").args("--steps", "150", "--save-steps", "10");
    String id = fleet.submit(bare.with("nodes: 2").with("spares: 1").file());
    fleet.awaitJob(id, "a checkpoint", j -> j.path("lastCheckpoint").path("step").asInt() >= 10);
    JsonNode before = fleet.job(id);
    String frozen = Fleet.nodeOfRank(before, 1);
    Set<Long> processes = new TreeSet<>(fleet.processesOf(frozen));
    processes.add(fleet.pidOf(frozen));
    processes.forEach(pid -> Processes.signal("STOP", pid));
    try {
      fleet.awaitStep(id, 2, 12);
    } finally {
      processes.forEach(pid -> Processes.signal("CONT", pid));
    }
    await("what was frozen ends")
        .atMost(Duration.ofSeconds(10))
        .until(() -> fleet.processesOf(frozen).isEmpty());

    JsonNode after = fleet.awaitPhase(id, "SUCCEEDED");
    assertThat(after.path("attempts").size()).as(after.toPrettyString()).isEqualTo(2);
    assertThat(after.path("attempts").get(0).path("cause").path("code").asText())
        .isEqualTo("NODE_SILENT");
    assertThat(Fleet.nodeOfRank(after, 1)).isNotEqualTo(frozen);
    assertThat(after.path("restarts").path("counted").asInt()).isEqualTo(1);
    assertNeverInterleaved(bare);
  }

  @Test
  void anAgentThatIsAwayForLongCostsTheJobNothing() {
    var bare = new BareJob(DIR, "away").args("--steps", "220", "--save-steps", "100");
    String id = fleet.submit(bare.with("nodes: 2").file());
    JsonNode before = fleet.awaitStep(id, 1, 3);
    String away = Fleet.nodeOfRank(before, 1);
    Set<Long> processes = fleet.processesOf(away);

    fleet.killDaemon(away);
    await("the coordinator knows that it cannot steer it")
        .atMost(Duration.ofSeconds(40))
        .until(() -> fleet.node(away).path("health").asText().equals("SUSPECT"));
    assertThat(fleet.node(away).path("reason").path("message").asText()).contains("they train on");
    fleet.start(away);
    await("it is back").atMost(Duration.ofMinutes(1)).until(() -> fleet.isReady(away));
    assertThat(fleet.processesOf(away)).as("the same processes").isEqualTo(processes);

    JsonNode after = fleet.awaitPhase(id, "SUCCEEDED");
    assertThat(after.path("attempt").asInt()).as(after.toPrettyString()).isEqualTo(1);
    assertThat(bare.steps(1, 1)).as("every step once").hasSize(220);
  }

  @Test
  void withoutAMajorityOfSeatsTrainingEndsWithItsLeaseAndLaterGoesOnByItself() {
    var bare = new BareJob(DIR, "no-majority").args("--steps", "150", "--save-steps", "10");
    String id = fleet.submit(bare.with("nodes: 2").file());
    fleet.awaitJob(id, "a checkpoint", j -> j.path("lastCheckpoint").path("step").asInt() >= 10);
    List<String> seats = List.of(fleet.address(0), fleet.address(1));

    seats.forEach(fleet::killDaemon);
    await("workers end with their lease")
        .atMost(LEASE_IS_OVER)
        .until(() -> fleet.allProcesses().isEmpty());
    assertReadsAreLastKnownAndWritesRefused(id);
    seats.forEach(fleet::start);

    JsonNode after = fleet.awaitPhase(id, "SUCCEEDED");
    JsonNode last = after.path("attempts").get(after.path("attempts").size() - 1);
    assertThat(last.path("resumedFromStep").asInt())
        .as(after.toPrettyString())
        .isGreaterThanOrEqualTo(10);
    assertThat(bare.lastStep()).isEqualTo(150);
    assertNeverInterleaved(bare);
  }

  private static void assertReadsAreLastKnownAndWritesRefused(String id) {
    // a seat that is alone for long begins a new actor system, and is away for a moment
    await("reads are answered")
        .atMost(Duration.ofSeconds(30))
        .untilAsserted(
            () -> {
              Fleet.Said jobs = fleet.cli("list", "--output", "json");
              assertThat(jobs.exit()).as(jobs.err()).isZero();
              assertThat(jobs.err()).contains("last knew");
              assertThat(jobs.out()).contains(id).contains("\"lastKnown\"");
            });
    Fleet.Said cancel = fleet.cli("cancel", id);
    assertThat(cancel.exit()).as(cancel.err()).isEqualTo(8);
  }

  @Test
  void theGroupOfAFrozenShimIsEndedByItsGuard() throws IOException {
    var bare = new BareJob(DIR, "frozen-shim").args("--steps", "80", "--save-steps", "10");
    String id = fleet.submit(bare.with("nodes: 2").file());
    JsonNode before = fleet.awaitStep(id, 1, 3);
    String node = Fleet.nodeOfRank(before, 1);
    long shim = shimOf(node, id);
    Processes.signal("STOP", shim);

    JsonNode after = fleet.awaitPhase(id, "SUCCEEDED");

    assertThat(Processes.isAlive(shim)).isFalse();
    assertThat(after.path("attempts").size()).as(after.toPrettyString()).isEqualTo(2);
    assertThat(after.path("restarts").path("counted").asInt()).isEqualTo(1);
    assertNeverInterleaved(bare);
  }

  @Test
  void everyDaemonRestartedOneAfterAnotherCostsNoStep() {
    var bare = new BareJob(DIR, "rolling").args("--steps", "600", "--save-steps", "300");
    String id = fleet.submit(bare.with("nodes: 2").file());
    fleet.awaitStep(id, 1, 3);
    Set<Long> processes = fleet.allProcesses();

    for (String address : fleet.addresses()) {
      fleet.stopDaemon(address);
      fleet.start(address);
      fleet.awaitAnswer(address);
      fleet.awaitReady(DAEMONS);
    }

    assertThat(fleet.allProcesses()).as("the same processes").isEqualTo(processes);
    JsonNode after = fleet.awaitPhase(id, "SUCCEEDED");
    assertThat(after.path("attempt").asInt()).as(after.toPrettyString()).isEqualTo(1);
    assertThat(bare.steps(1, 0)).as("every step once").hasSize(600);
  }

  /** No rank made a step of an attempt after one of a later attempt was made. */
  private static void assertNeverInterleaved(BareJob bare) {
    int newest = 0;
    List<JsonNode> steps = bare.record().stream().filter(e -> e.has("step")).toList();
    assertThat(steps).isNotEmpty();
    for (JsonNode step : steps) {
      int attempt = step.path("attempt").asInt();
      assertThat(attempt).as("in the order of the file: %s", step).isGreaterThanOrEqualTo(newest);
      newest = attempt;
    }
  }

  private static long shimOf(String node, String job) throws IOException {
    Path groups = DIR.resolve(node).resolve("groups").resolve(job);
    try (var all = Files.list(groups)) {
      Path handle = all.findFirst().orElseThrow().resolve("handle.json");
      return JSON.readTree(Files.readString(handle)).path("pid").asLong();
    }
  }
}
