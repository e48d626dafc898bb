package io.lockstep.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Training that stands still, and training that only seems to. */
@DisabledIfSystemProperty(named = "slow.tests", matches = "false")
@SuppressWarnings("NullAway.Init") // JUnit starts the fleet before anything reads it
final class HangE2eTest {
  private static final Path DIR = Installation.freshFolder("hang");

  @RegisterExtension
  static final LeavesNothing NOTHING_IS_LEFT = new LeavesNothing(() -> HangE2eTest.fleet);

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
  void aStoppedWorkerIsFoundByTheLearnedDeadlineAndALongEvaluationBesideItIsLeftAlone()
      throws Exception {
    var slow =
        new BareJob(DIR, "slow")
            .args(
                "--steps", "24", "--save-steps", "4", "--eval-steps", "12", "--eval-seconds", "14")
            .with("nodes: 1")
            .with("progress: {factor: 2, floor: 4s}");
    var bare =
        new BareJob(DIR, "stopped")
            .args("--steps", "150", "--save-steps", "10")
            .with("nodes: 2")
            .with("progress: {factor: 10, floor: 6s}");
    String id = fleet.submit(bare.file());
    String beside = fleet.submit(slow.file());
    JsonNode before =
        fleet.awaitJob(
            id,
            "a learned deadline",
            j -> j.path("motion").path("deadlineFrom").asText().startsWith("learned"));
    String node = Fleet.nodeOfRank(before, 1);
    Processes.signal("STOP", fleet.node(node).path("workerPids").get(0).asLong());

    JsonNode after = fleet.awaitPhase(id, "SUCCEEDED");

    JsonNode cause = after.path("attempts").get(0).path("cause");
    assertThat(cause.path("code").asText()).as(after.toPrettyString()).isEqualTo("HANG");
    assertThat(cause.path("rank").asInt()).isEqualTo(1);
    assertThat(cause.path("node").asText()).isEqualTo(node);
    assertThat(cause.path("message").asText())
        .contains("learned: the longest of", "rank 1 on " + node + " stood still: its process is");
    assertThat(after.path("attempts").size()).isEqualTo(2);
    assertThat(after.path("attempts").get(1).path("resumedFromStep").asInt())
        .isGreaterThanOrEqualTo(10);
    assertThat(after.path("restarts").path("counted").asInt()).isEqualTo(1);
    assertThat(bare.lastStep()).isEqualTo(150);
    assertThat(fleet.cli("events", id).out())
        .contains("AttemptSuspected", "takes stacks", "AttemptFailed");
    assertThat(stackFiles(node, id)).as("what the workers did, kept on the node").isTrue();

    JsonNode left = fleet.awaitPhase(beside, "SUCCEEDED");
    assertThat(left.path("attempt").asInt()).as(left.toPrettyString()).isEqualTo(1);
    assertThat(fleet.cli("events", beside).out()).doesNotContain("AttemptSuspected");
  }

  private static boolean stackFiles(String node, String id) throws Exception {
    try (var all = Files.walk(fleet.dataDir(node))) {
      return all.anyMatch(
          p -> p.toString().contains(id) && p.endsWith(Path.of("stacks", "rank-1.1.txt")));
    }
  }
}
