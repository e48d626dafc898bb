package io.lockstep.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.api.extension.RegisterExtension;

/** lockstep doctor, on three nodes of one machine. */
@DisabledIfSystemProperty(named = "slow.tests", matches = "false")
@SuppressWarnings("NullAway.Init") // JUnit starts the fleet before anything reads it
final class DoctorE2eTest {
  private static final Path DIR = Installation.freshFolder("doctor");

  private static final String PROGRAM =
      Installation.HOME.resolve("python/lockstep_shim/pairs.py").toString();

  @RegisterExtension
  static final LeavesNothing NOTHING_IS_LEFT = new LeavesNothing(() -> DoctorE2eTest.fleet);

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
  void everyNodeSeesItselfAndTheOthers() throws Exception {
    Path folder = Files.createDirectories(DIR.resolve("shared"));
    Fleet.Said said = fleet.cli("doctor", "--folder", folder.toString(), "--output", "json");

    assertThat(said.exit()).as(said.out() + said.err()).isZero();
    JsonNode view = new ObjectMapper().readTree(said.out());
    assertThat(view.path("nodes")).hasSize(3);
    for (JsonNode node : view.path("nodes")) {
      assertThat(node.findValuesAsText("code"))
          .contains("GPU_DRIVER", "VERSIONS", "DIFFERENT_VERSIONS", "CLOCK_SKEW", "NO_FREE_PORT");
      assertThat(count(node, "FOLDER_NOT_SHARED")).as(node.toString()).isEqualTo(2);
      assertThat(count(node, "PEER_UNREACHABLE")).as(node.toString()).isEqualTo(2);
    }
  }

  @Test
  void aFolderThatIsNotThereFailsWithExitCode6AndWhatToDo() {
    Path missing = DIR.resolve("nowhere");
    Fleet.Said said = fleet.cli("doctor", "--folder", missing.toString());

    assertThat(said.exit()).isEqualTo(6);
    assertThat(said.out()).contains("FAIL CHECKPOINT_DIR_UNWRITABLE").contains("do: mount it");
  }

  @Test
  void aNodeThatThereIsNotIsRefused() {
    assertThat(fleet.cli("doctor", "gpu-99").exit()).isEqualTo(9);
  }

  @Test
  void healthyNodesMeetInAGroupThatPasses() throws Exception {
    Fleet.Said said = fleet.slowCli("doctor", "--pairs", "--output", "json");

    assertThat(said.exit()).as(said.out() + said.err()).isZero();
    JsonNode view = new ObjectMapper().readTree(said.out());
    assertThat(view.path("healthy").asBoolean()).isTrue();
    assertThat(view.path("groups")).hasSize(1);
    JsonNode group = view.path("groups").get(0);
    assertThat(group.path("nodes")).hasSize(3);
    assertThat(group.path("result").asText()).isEqualTo("PASSED");
    assertThat(group.path("gatherSeconds").asDouble()).isPositive();
    assertThat(view.findValuesAsText("found")).anyMatch(text -> text.startsWith("is well with "));
  }

  @Test
  void theNodeWhoseNetworkIsBadIsTheOneThatIsNamed() throws Exception {
    String bad = fleet.address(0);
    Fleet.Said said =
        fleet.slowCli("doctor", "--pairs", "--python", pythonWithBadNetworkOn("named", bad));

    assertThat(said.exit()).as(said.out() + said.err()).isEqualTo(6);
    assertThat(said.out()).contains("FAILED", "PASSED").containsOnlyOnce("FAIL PAIR_FAILED");
    assertThat(said.out().replaceAll("\\s+", " "))
        .contains(bad + ": 0 checks are well FAIL PAIR_FAILED: fails with ")
        .contains(" are well with others", "do: keep it out");
  }

  /** Two wait for the third when the job comes, and would for 40 s. */
  @Test
  void aJobThatComesEndsTheCheckAndIsPlacedAtOnce() throws Exception {
    String python = pythonWithBadNetworkOn("waiting", fleet.address(2));
    CompletableFuture<Fleet.Said> doctor =
        CompletableFuture.supplyAsync(
            () -> fleet.slowCli("doctor", "--pairs", "--python", python, "--output", "json"));
    await("two wait for the third")
        .atMost(Fleet.LIMIT)
        .until(() -> Processes.running(PROGRAM).size() >= 2);
    var job = new PlainJob(DIR, "comes-first", "note('ran')").with("nodes: 3").with("warm: off");

    String id = fleet.submit(job.file());

    JsonNode done = fleet.awaitPhase(id, "SUCCEEDED");
    assertThat(done.path("attempt").asInt()).isEqualTo(1);
    assertThat(job.notes()).hasSize(3);
    JsonNode view = new ObjectMapper().readTree(doctor.get(2, TimeUnit.MINUTES).out());
    assertThat(view.findValuesAsText("found"))
        .filteredOn(text -> text.startsWith("not tried: "))
        .hasSizeGreaterThanOrEqualTo(2)
        .allMatch(text -> text.contains("a job came to this node") || text.contains(id));
    assertThat(Processes.running(PROGRAM)).isEmpty();
  }

  private static String pythonWithBadNetworkOn(String folder, String address) {
    return new BadNetwork(DIR.resolve(folder)).on(address).python().toString();
  }

  private static long count(JsonNode node, String code) {
    return node.findValuesAsText("code").stream().filter(code::equals).count();
  }
}
