package io.lockstep.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Hosts that die in every phase of a job; six of them, of which the last three may be killed. */
@DisabledIfSystemProperty(named = "slow.tests", matches = "false")
@SuppressWarnings("NullAway.Init") // JUnit starts the fleet before anything reads it
final class HostLossE2eTest {
  private static final int DAEMONS = 6;
  private static final Duration SILENT_AFTER = Duration.ofSeconds(5);
  private static final Duration SOON = Duration.ofMinutes(1);

  private static final Path DIR = Installation.freshFolder("hosts");

  @RegisterExtension
  static final LeavesNothing NOTHING_IS_LEFT = new LeavesNothing(() -> HostLossE2eTest.fleet);

  private static Fleet fleet;

  @BeforeAll
  static void startFleet() {
    fleet = Fleet.impatient(DIR, DAEMONS, SILENT_AFTER);
  }

  @AfterAll
  static void stopFleet() {
    fleet.close();
  }

  @AfterEach
  void fleetIsWhole() {
    fleet.startMissing();
    fleet.awaitReady(DAEMONS);
  }

  @Test
  void hostsLostWhileTheirJobsPrepareStartAndStop() {
    String prepares = fleet.address(3);
    String starts = fleet.address(4);
    String stops = fleet.address(5);
    var starting =
        new PlainJob(DIR, "lost-starting", "note(attempt)")
            .on(fleet.address(1), starts)
            .python(
                """
                #!/bin/sh
                if [ "$LOCKSTEP_NODE" = %s ]; then : >starting; exec sleep 300; fi
                exec %s "$@"
                """
                    .formatted(starts, Installation.PYTHON));
    var stopping =
        new PlainJob(
                DIR,
                "lost-stopping",
                """
                signal.signal(signal.SIGTERM, lambda *_: note("asked"))
                note("runs")
                while True:
                    time.sleep(0.1)
                """)
            .on(fleet.address(2), stops);
    var preparing =
        new PlainJob(DIR, "lost-preparing", "note(attempt)").on(fleet.address(0), prepares);
    String second = fleet.submit(starting.file());
    String third = fleet.submit(stopping.file());
    awaitNotes(stopping, "runs", 2);
    assertThat(fleet.cli("cancel", third, "--grace", "5m").exit()).isZero();
    awaitNotes(stopping, "asked", 2);
    await().atMost(SOON).until(() -> Files.exists(starting.dir().resolve("starting")));
    fleet.awaitPhase(second, "STARTING");
    fleet.awaitPhase(third, "STOPPING");
    fleet.freeze(prepares); // so that it does not answer
    String first = fleet.submit(preparing.file());
    fleet.awaitPhase(first, "PREPARING");

    List.of(prepares, starts, stops).forEach(fleet::killHost);

    // a shorter grace, or node rank 0 would have its five minutes
    assertThat(fleet.cli("cancel", third, "--grace", "0s").exit()).isZero();
    fleet.awaitPhase(third, "CANCELED");
    fleet.start(prepares); // the others are two nodes short of two jobs
    for (String id : List.of(first, second)) {
      JsonNode job = fleet.awaitPhase(id, "SUCCEEDED");
      assertThat(job.path("attempt").asInt()).as(job.toPrettyString()).isEqualTo(2);
      assertThat(cause(job, 1).path("code").asText()).isEqualTo("NODE_SILENT");
      assertThat(cause(job, 1).path("node").asText())
          .isEqualTo(id.equals(first) ? prepares : starts);
    }
    assertThat(preparing.notes()).containsExactly("2", "2");
    assertThat(starting.notes()).containsExactly("2", "2");
  }

  @Test
  void cancelWhileAHostDoesNotAnswerThePrepare() {
    String silent = fleet.address(3);
    fleet.freeze(silent);
    var plain = new PlainJob(DIR, "cancel-preparing", "note('ran')").on(fleet.address(0), silent);
    String id = fleet.submit(plain.file());
    fleet.awaitPhase(id, "PREPARING");

    assertThat(fleet.cli("cancel", id).exit()).isZero();
    fleet.thaw(silent);

    assertThat(fleet.awaitPhase(id, "CANCELED").path("exitCode").asInt()).isEqualTo(7);
    assertThat(plain.notes()).isEmpty();
  }

  @Test
  void aHostLostInTheLastSecondCostsARestartSinceItsPartIsNotProven() {
    String lost = fleet.address(3);
    var plain =
        new PlainJob(
                DIR,
                "last-second",
                """
                note(f"last {attempt}")
                time.sleep(3 * rank if attempt == 1 else 0)
                """)
            .on(fleet.address(0), lost);
    String id = fleet.submit(plain.file());
    awaitNotes(plain, "last 1", 2);

    fleet.killHost(lost);

    JsonNode job = fleet.awaitPhase(id, "SUCCEEDED");
    assertThat(job.path("attempt").asInt()).as(job.toPrettyString()).isEqualTo(2);
    assertThat(cause(job, 1).path("code").asText()).isEqualTo("NODE_SILENT");
    assertThat(cause(job, 1).path("node").asText()).isEqualTo(lost);
    assertThat(plain.notes()).containsExactly("last 1", "last 1", "last 2", "last 2");
  }

  @Test
  void twoHostsLostAtOnceAreReplacedInTheirRanksForOneRestart() {
    var bare =
        new BareJob(DIR, "two-lost")
            .args("--steps", "50", "--save-steps", "10")
            .with(
                "nodes: [%s, %s, %s]"
                    .formatted(fleet.address(0), fleet.address(3), fleet.address(4)))
            .with("spares: 2");
    String id = fleet.submit(bare.file());
    fleet.awaitJob(id, "a checkpoint", j -> j.path("lastCheckpoint").path("step").asInt() >= 10);
    JsonNode before = fleet.job(id);

    fleet.killHost(fleet.address(3));
    fleet.killHost(fleet.address(4));

    JsonNode after = fleet.awaitPhase(id, "SUCCEEDED");
    assertThat(after.path("restarts").path("counted").asInt())
        .as(after.toPrettyString())
        .isEqualTo(1);
    assertThat(after.path("rankTable").get(0)).isEqualTo(before.path("rankTable").get(0));
    for (int rank : List.of(1, 2)) {
      assertThat(before.path("spareNodes").toString())
          .contains(after.path("rankTable").get(rank).path("node").asText());
    }
    JsonNode last = after.path("attempts").get(after.path("attempts").size() - 1);
    assertThat(last.path("resumedFromStep").asInt()).isGreaterThanOrEqualTo(10);
    assertThat(bare.lastStep()).isEqualTo(50);
  }

  @Test
  void withoutASpareTheJobSaysWhatItWaitsForAndGoesOnWhenTheNodeJoins() {
    String lost = fleet.address(3);
    List<String> away = List.of(1, 2, 4, 5).stream().map(fleet::address).toList();
    away.forEach(node -> assertThat(fleet.cli("drain", node).exit()).isZero());
    var plain =
        new PlainJob(
            DIR,
            "no-spare",
            """
            note(f"attempt {attempt}")
            time.sleep(300 if attempt == 1 else 0)
            """);
    String id = fleet.submit(plain.with("nodes: 2").with("spares: 1").file());
    awaitNotes(plain, "attempt 1", 2);
    fleet.killHost(lost);

    // suspect first, as soon as its lease is silent
    JsonNode waiting =
        fleet.awaitJob(
            id,
            "waits for the lost node",
            j ->
                j.path("phase").asText().equals("QUEUED")
                    && j.path("reason").path("message").asText().contains(lost + " lost"));

    assertThat(waiting.path("reason").path("code").asText()).isEqualTo("WAITING_FOR_NODES");
    assertThat(waiting.path("reason").path("message").asText())
        .contains("needs 2 free nodes", "1 are free", away.get(0) + " draining");
    fleet.start(lost);
    JsonNode after = fleet.awaitPhase(id, "SUCCEEDED");
    assertThat(after.path("attempt").asInt()).as(after.toPrettyString()).isEqualTo(2);
    assertThat(plain.notes()).hasSize(4);
    away.forEach(node -> assertThat(fleet.cli("resume", node).exit()).isZero());
  }

  private static JsonNode cause(JsonNode job, int attempt) {
    return job.path("attempts").get(attempt - 1).path("cause");
  }

  private static void awaitNotes(PlainJob job, String note, int times) {
    await("%d times %s in %s".formatted(times, note, job.dir()))
        .atMost(SOON)
        .until(() -> job.notes().stream().filter(note::equals).count() >= times);
  }
}
