package io.lockstep.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A node that is quarantined trains a moment with others before it takes a rank again. */
@DisabledIfSystemProperty(named = "slow.tests", matches = "false")
@SuppressWarnings("NullAway.Init") // JUnit starts the fleet before anything reads it
final class QuarantineE2eTest {
  private static final Path DIR = Installation.freshFolder("quarantine");
  private static final Duration LIMIT = Duration.ofMinutes(2);
  private static final BadNetwork NETWORK = new BadNetwork(DIR);

  @RegisterExtension
  static final LeavesNothing NOTHING_IS_LEFT = new LeavesNothing(() -> QuarantineE2eTest.fleet);

  private static Fleet fleet;

  @BeforeAll
  static void startFleet() {
    fleet = Fleet.quarantining(DIR, 3, NETWORK.python());
  }

  @AfterAll
  static void stopFleet() {
    fleet.close();
  }

  @Test
  void oneThatIsWellIsBackAndOneThatFailsStaysOutUntilAPersonPutsItBack() throws Exception {
    String node = oneThatDoesNotCoordinate();

    flaps(node);

    awaitReason(node, "READY", "its quarantine is over, and it is well with ");
    assertThat(fleet.log(fleet.coordinator()))
        .containsPattern("NodeQuarantineChanged QUARANTINED: meets .* in a pair check");

    NETWORK.on(node);
    flaps(node);

    awaitReason(node, "QUARANTINED", "fails with ");
    String shown = fleet.cli("nodes").out().replaceAll("\\s+", " ");
    assertThat(shown).contains("QUARANTINED seat 0 - fails with ");
    assertThat(fleet.node(node).path("reason").path("message").asText())
        .contains("are well with others: so says a pair check at the end of its quarantine");
    assertThat(fleet.cli("resume", node).exit()).isZero();
    assertThat(fleet.isReady(node)).isTrue();
  }

  private static String oneThatDoesNotCoordinate() {
    String coordinator = fleet.coordinator();
    return fleet.addresses().stream().filter(a -> !a.equals(coordinator)).findFirst().orElseThrow();
  }

  private static void flaps(String node) {
    fleet.killDaemon(node);
    await("%s is lost".formatted(node))
        .atMost(LIMIT)
        .until(() -> fleet.node(node).path("health").asText().equals("LOST"));
    fleet.start(node);
  }

  private static void awaitReason(String node, String health, String reason) {
    await("%s is %s: %s".formatted(node, health, reason))
        .atMost(LIMIT)
        .untilAsserted(
            () -> {
              assertThat(fleet.node(node).path("health").asText()).isEqualTo(health);
              assertThat(fleet.node(node).path("reason").path("message").asText())
                  .startsWith(reason);
            });
  }
}
