package io.lockstep.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;

/** Two of three seats are lost for good (docs/operations.md). */
@DisabledIfSystemProperty(named = "slow.tests", matches = "false")
@SuppressWarnings("NullAway.Init") // JUnit starts the fleet before anything reads it
final class RecoverE2eTest {
  private static final Duration SOON = Duration.ofSeconds(60);
  private static final int STEPS = 120;

  private static final Path DIR = Installation.freshFolder("recover");

  private static Fleet fleet;

  @BeforeAll
  static void startFleet() {
    fleet = Fleet.of(DIR, 4);
  }

  @AfterAll
  static void stopFleet() {
    fleet.close();
  }

  @Test
  void withTheSeatThatIsLeftTheJobGoesOnAndLostHostsComeBackAsNewOnes() throws IOException {
    String left = fleet.address(0);
    List<String> lost = List.of(fleet.address(1), fleet.address(2));
    var bare = new BareJob(DIR, "recover").args("--steps", "" + STEPS, "--save-steps", "10");
    String id = fleet.submit(bare.with("nodes: 2").file());
    fleet.awaitJob(id, "a checkpoint", j -> j.path("lastCheckpoint").path("step").asInt() >= 10);

    for (String host : lost) {
      fleet.killHost(host);
      SeatsE2eTest.delete(fleet.dataDir(host));
    }
    String forget = String.join(",", lost);
    Fleet.Said running = fleet.recover(left, "--forget", forget);
    assertThat(running.exit()).isEqualTo(1);
    assertThat(running.err()).contains("in use by another process").contains("nothing was changed");
    await("training ends with its lease")
        .atMost(Duration.ofSeconds(20))
        .until(() -> fleet.allProcesses().isEmpty());
    fleet.stopDaemon(left);

    Fleet.Said look = fleet.recover(left);
    assertThat(look.exit()).as(look.err()).isZero();
    assertThat(look.out()).contains("What may be lost").contains("--forget");
    Fleet.Said half = fleet.recover(left, "--forget", lost.get(0));
    assertThat(half.err()).contains("must name every other seat");
    Fleet.Said done = fleet.recover(left, "--forget", forget);
    assertThat(done.exit()).as(done.err()).isZero();
    fleet.start(left);

    JsonNode after = fleet.awaitPhase(id, "SUCCEEDED");
    JsonNode last = after.path("attempts").get(after.path("attempts").size() - 1);
    assertThat(last.path("resumedFromStep").asInt())
        .as(after.toPrettyString())
        .isGreaterThanOrEqualTo(10);
    assertThat(bare.lastStep()).isEqualTo(STEPS);

    for (String host : lost) {
      fleet.start(host);
      await("%s is back".formatted(host)).atMost(SOON).until(() -> fleet.isReady(host));
      await("%s is a seat".formatted(host))
          .atMost(SOON)
          .pollInterval(Duration.ofSeconds(1))
          .until(() -> fleet.cli("seats", "add", host).exit() == 0);
    }
    await("three seats again")
        .atMost(SOON)
        .until(
            () -> fleet.cli("seats").out().lines().filter(l -> l.contains("FOLLOWS")).count() == 3);
  }
}
