package io.lockstep.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What operators and users ask for, on three nodes. */
@DisabledIfSystemProperty(named = "slow.tests", matches = "false")
@SuppressWarnings("NullAway.Init") // JUnit starts the fleet before anything reads it
final class QueueE2eTest {
  private static final Path DIR = Installation.freshFolder("queue");

  @RegisterExtension
  static final LeavesNothing NOTHING_IS_LEFT = new LeavesNothing(() -> QueueE2eTest.fleet);

  private static Fleet fleet;

  @BeforeAll
  static void startFleet() {
    fleet = Fleet.of(DIR, 3);
  }

  @AfterAll
  static void stopFleet() {
    fleet.close();
  }

  @Test
  void jobsRunAtOnceOnDisjointNodesAndOneThatDoesNotFitWaitsWithTheReason() {
    String one =
        fleet.submit(new BareJob(DIR, "one").args("--steps", "60").with("nodes: 1").file());
    String two =
        fleet.submit(new BareJob(DIR, "two").args("--steps", "60").with("nodes: 2").file());
    String three =
        fleet.submit(new BareJob(DIR, "three").args("--steps", "3").with("nodes: 1").file());

    fleet.awaitStep(one, 1, 1);
    JsonNode running = fleet.awaitStep(two, 1, 1);
    Set<String> held = new HashSet<>();
    running.path("rankTable").forEach(r -> held.add(r.path("node").asText()));
    fleet.job(one).path("rankTable").forEach(r -> held.add(r.path("node").asText()));
    assertThat(held).hasSize(3);
    JsonNode waiting = fleet.job(three);
    assertThat(waiting.path("phase").asText()).isEqualTo("QUEUED");
    assertThat(waiting.path("reason").path("code").asText()).isEqualTo("WAITING_FOR_NODES");
    assertThat(waiting.path("reason").path("message").asText()).contains("needs 1 free node");

    fleet.awaitPhase(one, "SUCCEEDED");
    fleet.awaitPhase(two, "SUCCEEDED");
    fleet.awaitPhase(three, "SUCCEEDED");
  }

  @Test
  void aDrainedNodeLeavesItsGangWithACheckpointAndCostsNoBudget() {
    var bare =
        new BareJob(DIR, "drain")
            .args("--steps", "120", "--save-steps", "60", "--term-checkpoint-seconds", "0.2");
    String id = fleet.submit(bare.with("nodes: 2").with("restart: {max: 0}").file());
    JsonNode before = fleet.awaitStep(id, 1, 5);
    String node = before.path("rankTable").get(1).path("node").asText();

    assertThat(fleet.cli("drain", node).exit()).isZero();

    JsonNode after = fleet.awaitPhase(id, "SUCCEEDED");
    assertThat(after.path("restarts").path("counted").asInt()).isZero();
    assertThat(after.path("restarts").path("uncounted").asInt()).isEqualTo(1);
    assertThat(after.path("rankTable").get(0)).isEqualTo(before.path("rankTable").get(0));
    assertThat(after.path("rankTable").get(1).path("node").asText()).isNotEqualTo(node);
    assertThat(after.path("attempts").get(1).path("resumedFromStep").asInt())
        .as("what SIGTERM let it save")
        .isGreaterThanOrEqualTo(5);
    assertThat(fleet.node(node).path("health").asText()).isEqualTo("DRAINING");
    assertThat(fleet.cli("resume", node).exit()).isZero();
    fleet.awaitReady(3);
  }

  @Test
  void aScriptThatFailsTheSameWayTwiceEndsTheJobWithItsErrorAndExitCode3() {
    var bare = new BareJob(DIR, "fails").args("--steps", "20", "--fail-at-step", "4");
    String id = fleet.submit(bare.with("nodes: 2").file());

    Fleet.Said watched = fleet.cli("watch", id);

    assertThat(watched.exit()).as(watched.err()).isEqualTo(3);
    JsonNode job = fleet.describe(id);
    assertThat(job.path("phase").asText()).isEqualTo("FAILED");
    assertThat(job.path("reason").path("code").asText()).isEqualTo("SCRIPT_FAILED");
    assertThat(job.path("reason").path("message").asText())
        .contains("failed at step 4 on rank 0, as asked");
  }

  @Test
  void outputOfEveryAttemptIsKeptPerRank() {
    var bare =
        new BareJob(DIR, "logs")
            .args("--steps", "20", "--save-steps", "5", "--fail-at-step", "8")
            .args("--fail-once", DIR.resolve("logs-failed").toString());
    String id = fleet.submit(bare.with("nodes: 2").file());
    fleet.awaitPhase(id, "SUCCEEDED");

    Fleet.Said now = fleet.cli("logs", id);
    Fleet.Said before = fleet.cli("logs", id, "--attempt", "1", "--rank", "0");

    assertThat(now.out()).contains("resumed from").contains("step=20 ");
    assertThat(before.out()).contains("step=7 ").doesNotContain("step=9 ");
    assertThat(fleet.cli("events", id).out()).contains("AttemptFailed").contains("JobEnded");
  }

  @Test
  void theSameJobTwiceIsOneJobAndAnotherSpecUnderItsIdIsRefused() {
    var bare = new BareJob(DIR, "twice").args("--steps", "3").with("nodes: 1").with("id: twice-1");
    String id = fleet.submit(bare.file());
    assertThat(fleet.submit(bare.file())).isEqualTo(id);
    Fleet.Said other = fleet.cli("submit", bare.file().toString(), "--set", "nodes=2");
    assertThat(other.exit()).isEqualTo(9);
    assertThat(other.err()).contains("twice-1");
    fleet.awaitPhase(id, "SUCCEEDED");
  }
}
