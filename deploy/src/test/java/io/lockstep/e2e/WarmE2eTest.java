package io.lockstep.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Restarts whose torchrun and workers are forked from a preloaded process (ADR 0012). */
@DisabledIfSystemProperty(named = "slow.tests", matches = "false")
@SuppressWarnings("NullAway.Init") // JUnit starts the fleet before anything reads it
final class WarmE2eTest {
  private static final Path DIR = Installation.freshFolder("warm");

  @RegisterExtension
  static final LeavesNothing NOTHING_IS_LEFT = new LeavesNothing(() -> WarmE2eTest.fleet);

  private static Fleet fleet;

  @BeforeAll
  static void startFleet() {
    fleet = Fleet.warm(DIR, 3);
  }

  @AfterAll
  static void stopFleet() {
    fleet.close();
  }

  @Test
  void aKilledWorkersGangStartsWarmAndGoesOnFromTheCheckpoint() {
    var bare = new BareJob(DIR, "warm").args("--steps", "250", "--save-steps", "10");
    String id = fleet.submit(bare.with("nodes: 2").with("procsPerNode: 2").file());
    JsonNode before = fleet.awaitStep(id, 1, 12);
    List<String> nodes = List.of(Fleet.nodeOfRank(before, 0), Fleet.nodeOfRank(before, 1));
    nodes.forEach(node -> awaitWarmPool(node, id));
    Processes.signal("KILL", fleet.processOf(id, nodes.get(1), "bare_train.py"));

    JsonNode after = fleet.awaitPhase(id, "SUCCEEDED");

    assertThat(after.path("attempts").size()).as(after.toPrettyString()).isEqualTo(2);
    nodes.forEach(node -> assertThat(shimLog(node, id, 2)).contains("torchrun started warm"));
    int resumed = after.path("attempts").get(1).path("resumedFromStep").asInt();
    assertThat(resumed).isGreaterThanOrEqualTo(10);
    for (int rank = 0; rank < 4; rank++) {
      assertThat(bare.steps(2, rank).get(0)).as("rank %d goes on", rank).isEqualTo(resumed + 1);
    }
    assertThat(bare.lastStep()).isEqualTo(250);
  }

  @Test
  void aKilledPreloadedProcessCostsNothingButANextStartThatLoadsFirst() {
    var bare = new BareJob(DIR, "cold").args("--steps", "250", "--save-steps", "10");
    String id = fleet.submit(bare.with("nodes: 1").file());
    JsonNode before = fleet.awaitStep(id, 1, 12);
    String node = Fleet.nodeOfRank(before, 0);
    awaitWarmPool(node, id);
    Set<Long> training = new TreeSet<>(fleet.processesOf(node));
    Processes.signal("KILL", preloaded());
    await("the standby ends").until(() -> preloadedProcesses().isEmpty());
    assertThat(training).as("what trains").allMatch(Processes::isAlive);
    Processes.signal("KILL", fleet.processOf(id, node, "bare_train.py"));

    JsonNode after = fleet.awaitPhase(id, "SUCCEEDED");

    assertThat(after.path("attempts").size()).as(after.toPrettyString()).isEqualTo(2);
    assertThat(fleet.cli("events", id).out())
        // the second time the standby is gone, or its end was noticed before and there is none
        .containsPattern(
            "(?s)has started, loaded now: no warm pool of its job is here"
                + ".*has started, loaded now: (the standby is gone|no warm pool of its job is here)");
    assertThat(bare.lastStep()).isEqualTo(250);
  }

  @Test
  void aSpareThatStandsInForALostHostStartsWarm() {
    var bare = new BareJob(DIR, "spare").args("--steps", "400", "--save-steps", "10");
    String id = fleet.submit(bare.with("nodes: 2").with("spares: 1").file());
    JsonNode before = fleet.awaitStep(id, 1, 12);
    String lost = Fleet.nodeOfRank(before, 1);
    String spare = before.path("spareNodes").get(0).asText();
    awaitWarmPool(spare, id);
    await("its memory is known").until(() -> pool(spare).path("memoryBytes").asLong() > 100 << 20);
    assertThat(pool(spare).path("job").asText()).isEqualTo(id);
    assertThat(pool(spare).path("spare").asBoolean()).isTrue();
    fleet.killHost(lost);

    JsonNode after = fleet.awaitPhase(id, "SUCCEEDED");

    assertThat(after.path("attempts").size()).as(after.toPrettyString()).isEqualTo(2);
    assertThat(Fleet.nodeOfRank(after, 1)).isEqualTo(spare);
    assertThat(shimLog(spare, id, 2)).contains("torchrun started warm");
    assertThat(fleet.cli("events", id).out()).contains(spare + " has started, warm");
    assertThat(after.path("attempts").get(1).path("timeline").findValuesAsText("part"))
        .contains("decide", "stop", "prepare", "start", "fork", "rendezvous", "first step");
    assertThat(fleet.cli("events", id).out()).contains("; back after ");
    assertThat(bare.lastStep()).isEqualTo(400);
    await("no pool outlives its job").until(() -> pool(spare).isMissingNode());
    fleet.awaitWholeAndIdle();
    await("the host that came back tidies up").until(() -> sockets(lost).isEmpty());
  }

  private static List<Path> sockets(String node) throws IOException {
    try (var all = Files.list(fleet.dataDir(node).resolve("run"))) {
      return all.toList();
    }
  }

  private static JsonNode pool(String node) {
    return fleet.node(node).path("warmPool");
  }

  private static void awaitWarmPool(String node, String job) {
    String ready = "job=" + job + " warm pool ready";
    await(ready + " on " + node)
        .atMost(Duration.ofSeconds(60))
        .until(() -> log(fleet.dataDir(node).resolve("out.log")).contains(ready));
  }

  private static String shimLog(String node, String job, int attempt) {
    try (var all = Files.list(fleet.dataDir(node).resolve("groups").resolve(job))) {
      Path group =
          all.filter(p -> p.getFileName().toString().startsWith(attempt + "-"))
              .findFirst()
              .orElseThrow();
      return log(group.resolve("shim.log"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String log(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static long preloaded() {
    return preloadedProcesses().stream().findFirst().orElseThrow();
  }

  /** Of the daemons of this test: those whose standby shim was started with a spec of theirs. */
  private static Set<Long> preloadedProcesses() {
    var found = new TreeSet<Long>();
    ProcessHandle.allProcesses()
        .filter(p -> Processes.commandLine(p.pid()).contains("preload.py"))
        .filter(
            p ->
                p.parent()
                    .map(s -> Processes.commandLine(s.pid()))
                    .filter(shim -> shim.contains("--standby") && shim.contains(DIR + "/"))
                    .isPresent())
        .forEach(p -> found.add(p.pid()));
    return found;
  }
}
