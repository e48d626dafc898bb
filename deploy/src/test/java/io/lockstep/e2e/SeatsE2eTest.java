package io.lockstep.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;

/** Seats come and go under a running job (docs/operations.md). */
@DisabledIfSystemProperty(named = "slow.tests", matches = "false")
@SuppressWarnings("NullAway.Init") // JUnit starts the fleet before anything reads it
final class SeatsE2eTest {
  private static final int DAEMONS = 4;
  private static final int STEPS = 300;
  private static final Duration SOON = Duration.ofSeconds(60);

  private static final Path DIR = Installation.freshFolder("seats");
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

  @Test
  void aSeatIsReplacedUnderARunningJobAndOneWithoutItsDiskComesBack() throws IOException {
    String old = fleet.address(2);
    String by = fleet.address(3);
    var bare = new BareJob(DIR, "replace").args("--steps", "" + STEPS, "--save-steps", "100");
    String id = fleet.submit(bare.with("nodes: 2").file());
    fleet.awaitStep(id, 1, 3);

    assertThat(fleet.cli("seats", "replace", old, old).err()).contains("is a seat already");
    assertThat(fleet.cli("seats", "add", "10.9.9.9").err()).contains("no node 10.9.9.9 is heard");
    Fleet.Said said = fleet.cli("seats", "replace", old, by);
    assertThat(said.exit()).as(said.err()).isZero();
    awaitSeats(2, List.of(fleet.address(0), fleet.address(1), by));

    // a daemon follows the stored seats, whatever its settings say
    fleet.killDaemon(by);
    fleet.start(by);
    awaitSeats(2, List.of(fleet.address(0), fleet.address(1), by));
    await("who is a seat, by the nodes")
        .atMost(SOON)
        .until(
            () ->
                fleet.node(by).path("seat").asBoolean()
                    && !fleet.node(old).path("seat").asBoolean(true));

    String disk = seat(by).path("disk").asText();
    fleet.killDaemon(by);
    delete(fleet.dataDir(by).resolve("seat"));
    fleet.start(by);
    await("the new disk is taken in").atMost(SOON).until(() -> follows(by, disk));

    JsonNode after = fleet.awaitPhase(id, "SUCCEEDED");
    assertThat(after.path("attempt").asInt()).as(after.toPrettyString()).isEqualTo(1);
    assertThat(bare.steps(1, 1)).as("every step once").hasSize(STEPS);
  }

  private static void awaitSeats(long set, List<String> hosts) {
    await("set %d of seats %s".formatted(set, hosts))
        .atMost(SOON)
        .until(
            () -> {
              JsonNode seats = seats();
              var following = new ArrayList<String>();
              seats
                  .path("seats")
                  .forEach(
                      seat -> {
                        if (seat.path("state").asText().equals("FOLLOWS")) {
                          following.add(seat.path("seat").asText().replaceAll(":[0-9]+$", ""));
                        }
                      });
              return seats.path("set").asLong() == set
                  && following.size() == hosts.size()
                  && following.containsAll(hosts);
            });
  }

  private static boolean follows(String host, String oldDisk) {
    JsonNode seat = seat(host);
    return seat.path("state").asText().equals("FOLLOWS")
        && !seat.path("disk").asText().equals(oldDisk);
  }

  private static JsonNode seat(String host) {
    for (JsonNode seat : seats().path("seats")) {
      if (seat.path("seat").asText().startsWith(host + ":")) {
        return seat;
      }
    }
    return JSON.createObjectNode();
  }

  private static JsonNode seats() {
    Fleet.Said said = fleet.cli("seats", "--output", "json");
    try {
      return said.exit() == 0 ? JSON.readTree(said.out()) : JSON.createObjectNode();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(said.out(), e);
    }
  }

  static void delete(Path folder) throws IOException {
    try (var files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
