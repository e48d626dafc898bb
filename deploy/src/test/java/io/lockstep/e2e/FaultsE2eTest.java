package io.lockstep.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What fails while a job runs on two of four nodes, and what becomes of it. */
@DisabledIfSystemProperty(named = "slow.tests", matches = "false")
@SuppressWarnings("NullAway.Init") // JUnit starts the fleet before anything reads it
final class FaultsE2eTest {
  private static final int DAEMONS = 4;

  private static final Path DIR = Installation.freshFolder("faults");

  @RegisterExtension
  static final LeavesNothing NOTHING_IS_LEFT = new LeavesNothing(() -> FaultsE2eTest.fleet);

  private static Fleet fleet;

  @BeforeAll
  static void startFleet() {
    fleet = Fleet.of(DIR, DAEMONS);
  }

  @AfterAll
  static void stopFleet() {
    fleet.close();
  }

  /** Every test leaves a whole fleet without processes behind. */
  @AfterEach
  void fleetIsWholeAndIdle() {
    fleet.awaitWholeAndIdle();
  }

  @Test
  void aKilledWorkerRestartsTheGangOnTheSameNodesFromTheCheckpoint() {
    var bare = new BareJob(DIR, "worker-killed").args("--steps", "60", "--save-steps", "10");
    String id = fleet.submit(bare.with("nodes: 2").with("procsPerNode: 2").file());
    fleet.awaitJob(id, "a checkpoint", j -> j.path("lastCheckpoint").path("step").asInt() >= 10);
    JsonNode before = fleet.job(id);
    Processes.signal("KILL", workerOf(before, 1));

    JsonNode after = fleet.awaitPhase(id, "SUCCEEDED");

    assertThat(after.path("attempts").size()).as(after.toPrettyString()).isEqualTo(2);
    JsonNode first = after.path("attempts").get(0);
    assertThat(first.path("cause").path("code").asText()).isEqualTo("WORKER_KILLED");
    assertThat(first.path("cause").path("node").asText()).isEqualTo(Fleet.nodeOfRank(before, 1));
    assertThat(after.path("rankTable")).isEqualTo(before.path("rankTable"));
    int resumed = after.path("attempts").get(1).path("resumedFromStep").asInt();
    assertThat(resumed).isGreaterThanOrEqualTo(10);
    for (int rank = 0; rank < 4; rank++) {
      assertThat(bare.steps(2, rank).get(0)).as("rank %d goes on", rank).isEqualTo(resumed + 1);
    }
    assertThat(bare.lastStep()).isEqualTo(60);
    assertThat(after.path("restarts").path("counted").asInt()).isEqualTo(1);
  }

  @Test
  void aKilledHostLosesItsRankToTheSpareAndTheOthersKeepTheirs() {
    var bare = new BareJob(DIR, "host-killed").args("--steps", "80", "--save-steps", "10");
    String id = fleet.submit(bare.with("nodes: 2").with("spares: 1").file());
    fleet.awaitJob(id, "a checkpoint", j -> j.path("lastCheckpoint").path("step").asInt() >= 10);
    JsonNode before = fleet.job(id);
    String lost = Fleet.nodeOfRank(before, 1);
    String spare = before.path("spareNodes").get(0).asText();
    fleet.killHost(lost);

    JsonNode after = fleet.awaitPhase(id, "SUCCEEDED");

    JsonNode said = fleet.describe(id);
    assertThat(said.path("attempts").size()).as(said.toPrettyString()).isEqualTo(2);
    assertThat(Fleet.nodeOfRank(said, 0)).isEqualTo(Fleet.nodeOfRank(before, 0));
    assertThat(Fleet.nodeOfRank(said, 1)).isEqualTo(spare);
    assertThat(said.path("attempts").get(0).path("cause").path("node").asText()).isEqualTo(lost);
    assertThat(said.path("attempts").get(1).path("resumedFromStep").asInt())
        .isGreaterThanOrEqualTo(10);
    assertThat(said.path("restarts").path("counted").asInt()).isEqualTo(1);
    assertThat(after.path("exitCode").asInt()).isZero();
    // the fields that contract.md fixes
    assertThat(fieldNames(said))
        .contains(
            "id",
            "name",
            "phase",
            "reason",
            "attempt",
            "restarts",
            "nodes",
            "procsPerNode",
            "rankTable",
            "lastCheckpoint",
            "attempts");
    assertThat(fieldNames(said.path("attempts").get(0)))
        .contains("attempt", "startedAt", "endedAt", "cause");
    assertThat(bare.lastStep()).isEqualTo(80);
  }

  @Test
  void aDaemonKilledAloneAndRestartedFindsItsGroupAndTrainingDoesNotNotice() {
    var bare = new BareJob(DIR, "daemon-killed").args("--steps", "120", "--save-steps", "50");
    String id = fleet.submit(bare.with("nodes: 2").file());
    JsonNode before = fleet.awaitStep(id, 1, 5);
    String node = Fleet.nodeOfRank(before, 1);
    Set<Long> processes = fleet.processesOf(node);

    fleet.killDaemon(node);
    fleet.start(node);
    await("its agent is back with its group")
        .atMost(Duration.ofMinutes(1))
        .until(() -> fleet.node(node).path("workerPids").size() == 1);

    assertThat(fleet.processesOf(node)).as("the same processes").isEqualTo(processes);
    JsonNode after = fleet.awaitPhase(id, "SUCCEEDED");
    assertThat(after.path("attempt").asInt()).as(after.toPrettyString()).isEqualTo(1);
    assertThat(bare.steps(1, 1)).as("every step once").hasSize(120);
  }

  @Test
  void aJobThatEndsWhileItsDaemonIsAwayIsFinishedAndNotRestarted() {
    var bare = new BareJob(DIR, "ends-unseen").args("--steps", "25");
    String id = fleet.submit(bare.with("nodes: 1").file());
    JsonNode before = fleet.awaitStep(id, 1, 3);
    String node = Fleet.nodeOfRank(before, 0);

    fleet.killDaemon(node);
    await("the group ends by itself")
        .atMost(Duration.ofMinutes(1))
        .until(() -> fleet.processesOf(node).isEmpty());
    fleet.start(node);

    JsonNode after = fleet.awaitPhase(id, "SUCCEEDED");
    assertThat(bare.steps(1, 0)).hasSize(25);
    assertThat(bare.record().stream().map(e -> e.path("attempt").asInt()).distinct())
        .as(after.toPrettyString())
        .containsExactly(1);
  }

  @Test
  void losingTheCoordinatorsDaemonCostsNoStep() {
    String coordinator = fleet.coordinator();
    assertThat(fleet.cli("drain", coordinator).exit()).isZero();
    var bare = new BareJob(DIR, "coordinator-killed").args("--steps", "250", "--save-steps", "50");
    String id = fleet.submit(bare.with("nodes: 2").file());
    JsonNode before = fleet.awaitStep(id, 1, 5);
    assertThat(nodes(before)).doesNotContain(coordinator);
    Set<Long> processes = fleet.allProcesses();

    fleet.killDaemon(coordinator);
    await("another seat coordinates, and knows the job")
        .atMost(Duration.ofMinutes(1))
        .until(() -> fleet.job(id).path("phase").asText().equals("RUNNING"));

    assertThat(fleet.coordinator()).isNotEqualTo(coordinator);
    assertThat(fleet.allProcesses()).as("the same processes").isEqualTo(processes);
    JsonNode after = fleet.awaitPhase(id, "SUCCEEDED");
    assertThat(after.path("attempt").asInt()).as(after.toPrettyString()).isEqualTo(1);
    assertThat(bare.steps(1, 0)).hasSize(250);
    fleet.start(coordinator);
    await().atMost(Duration.ofMinutes(1)).until(() -> fleet.cli("resume", coordinator).exit() == 0);
  }

  @Test
  void aFrozenCoordinatorThatThawsDoesNoHarmAndComesBackInTheSameProcess() throws Exception {
    String coordinator = fleet.coordinator();
    assertThat(fleet.cli("drain", coordinator).exit()).isZero();
    var bare = new BareJob(DIR, "frozen").args("--steps", "400", "--save-steps", "100");
    String id = fleet.submit(bare.with("nodes: 2").file());
    fleet.awaitStep(id, 1, 5);
    Set<Long> processes = fleet.allProcesses();
    long daemon = fleet.pidOf(coordinator);

    Processes.signal("STOP", daemon);
    try {
      await("another seat coordinates, and knows the job")
          .atMost(Duration.ofMinutes(1))
          .until(() -> fleet.coordinatorBut(coordinator).isPresent());
    } finally {
      Processes.signal("CONT", daemon);
    }

    // its node is READY for some seconds more: nobody has missed it yet
    await("the thawed one has found out that it was removed")
        .atMost(Duration.ofMinutes(1))
        .until(() -> fleet.log(coordinator).contains("a new one follows"));
    await("the thawed one is a member again")
        .atMost(Duration.ofMinutes(1))
        .until(() -> fleet.cli("resume", coordinator).exit() == 0 && fleet.isReady(coordinator));
    assertThat(fleet.pidOf(coordinator)).isEqualTo(daemon);
    assertThat(fleet.allProcesses()).as("the same processes").isEqualTo(processes);
    JsonNode after = fleet.awaitPhase(id, "SUCCEEDED");
    assertThat(after.path("attempt").asInt()).as(after.toPrettyString()).isEqualTo(1);
    assertThat(bare.steps(1, 0)).as("every step once").hasSize(400);
  }

  @Test
  void afterThePowerFailsEverywhereTheJobGoesOnFromItsCheckpoint() {
    var bare = new BareJob(DIR, "all-killed").args("--steps", "60", "--save-steps", "10");
    String id = fleet.submit(bare.with("nodes: 2").file());
    fleet.awaitJob(id, "a checkpoint", j -> j.path("lastCheckpoint").path("step").asInt() >= 10);

    List.copyOf(fleet.addresses()).forEach(fleet::killHost);
    assertThat(fleet.allProcesses()).isEmpty();
    fleet.addresses().forEach(fleet::start);

    JsonNode after = fleet.awaitPhase(id, "SUCCEEDED");
    JsonNode last = after.path("attempts").get(after.path("attempts").size() - 1);
    assertThat(last.path("resumedFromStep").asInt())
        .as(after.toPrettyString())
        .isGreaterThanOrEqualTo(10);
    assertThat(bare.lastStep()).isEqualTo(60);
  }

  @Test
  void cancelEndsAScriptThatIgnoresTermAndItsGrandchildren() {
    var bare =
        new BareJob(DIR, "cancel")
            .args("--steps", "100000", "--ignore-term", "--fork-grandchildren");
    String id = fleet.submit(bare.with("nodes: 2").file());
    fleet.awaitStep(id, 1, 3);
    List<Long> forked =
        bare.record().stream().filter(e -> e.has("role")).map(e -> e.path("pid").asLong()).toList();
    assertThat(forked).as("a child and an orphan per rank").hasSize(4);
    assertThat(forked).allMatch(Processes::isAlive);

    assertThat(fleet.cli("cancel", id, "--grace", "2s").exit()).isZero();

    JsonNode after = fleet.awaitPhase(id, "CANCELED");
    assertThat(after.path("exitCode").asInt()).isEqualTo(7);
    assertThat(fleet.allProcesses()).as("final means gone").isEmpty();
    assertThat(forked).noneMatch(Processes::isAlive);
  }

  @Test
  void noProcessOfAnOlderAttemptLivesWhenTheNextOneStarts() {
    var bare =
        new BareJob(DIR, "stubborn")
            .args("--steps", "40", "--save-steps", "10", "--ignore-term", "--fork-grandchildren");
    String id = fleet.submit(bare.with("nodes: 2").with("procsPerNode: 2").file());
    JsonNode before = fleet.awaitStep(id, 1, 12);
    Set<Long> old = fleet.allProcesses();
    Processes.signal("KILL", workerOf(before, 0));

    fleet.awaitJob(
        id,
        "attempt 2 prepared",
        j ->
            j.path("attempt").asInt() == 2
                && Set.of("STARTING", "RUNNING", "SUCCEEDED").contains(j.path("phase").asText()));

    assertThat(old).as("processes of attempt 1").noneMatch(Processes::isAlive);
    fleet.awaitPhase(id, "SUCCEEDED");
  }

  private static long workerOf(JsonNode job, int nodeRank) {
    JsonNode pids = fleet.node(Fleet.nodeOfRank(job, nodeRank)).path("workerPids");
    assertThat(pids).isNotEmpty();
    return pids.get(0).asLong();
  }

  private static List<String> nodes(JsonNode job) {
    var nodes = new ArrayList<String>();
    job.path("rankTable").forEach(row -> nodes.add(row.path("node").asText()));
    return nodes;
  }

  private static Set<String> fieldNames(JsonNode object) {
    var names = new TreeSet<String>();
    object.fieldNames().forEachRemaining(names::add);
    return names;
  }
}
