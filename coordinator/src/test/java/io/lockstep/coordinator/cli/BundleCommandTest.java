package io.lockstep.coordinator.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.api.ClusterView;
import io.lockstep.protocol.api.JobView;
import io.lockstep.protocol.api.LogView;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is left of a job in one file: whole or not at all, and it says what is missing. */
final class BundleCommandTest {
  @TempDir Path folder = Path.of("unset");
  private final FakeApi api = new FakeApi();

  @AfterEach
  void close() {
    api.close();
  }

  @Test
  void whatIsLeftOfAJobIsInOneFileAndWhatIsNotIsSaid() throws Exception {
    JobView job = Views.restarted("q-1");
    api.answer("GET /v1/jobs/q-1", job);
    api.answer("GET /v1/jobs/q-1/events?after=0&limit=500", List.of());
    api.answer("GET /v1/nodes", List.of(Views.node("127.0.0.1", "READY", true, Optional.empty())));
    api.refuse("GET /v1/seats", 503, "NO_QUORUM");
    api.answer(
        "GET /v1/cluster", new ClusterView("0.1.0", Optional.empty(), 3, 44, List.of(), 2, 1));
    for (int attempt = 1; attempt <= 2; attempt++) {
      for (int rank = 0; rank < 2; rank++) {
        String at = "rank=" + rank + "&attempt=" + attempt;
        api.answer(
            "GET /v1/jobs/q-1/logs?rank=%d&offset=-65536&attempt=%d".formatted(rank, attempt),
            log(rank, attempt, "step=31\nlast words of " + at));
        api.answer("GET /v1/jobs/q-1/logs?file=report&" + at, log(rank, attempt, "{\"v\": 1}"));
        api.answer("GET /v1/jobs/q-1/logs?file=launch&" + at, log(rank, attempt, "{\"env\": {}}"));
        api.refuse("GET /v1/jobs/q-1/logs?file=error&" + at, 409, "NOTHING_TO_DO");
      }
    }
    Path file = folder.resolve("b.zip");

    CliRun run = CliRun.of(api, "bundle", "q-1", "-o", file.toString());

    assertThat(run.code).as(run.err).isZero();
    assertThat(run.out.strip()).isEqualTo(file.toString());
    Map<String, String> entries = entries(file);
    assertThat(entries.keySet())
        .contains(
            "describe.txt",
            "job.json",
            "events.jsonl",
            "nodes.json",
            "cluster.json",
            "versions.json",
            "rank-tables.txt",
            "attempt-1/traceback.txt",
            "attempt-1/rank-1.log",
            "attempt-2/node-1-127.0.0.3/report.json",
            "attempt-2/node-0-127.0.0.1/launch.json");
    assertThat(entries.get("attempt-2/rank-1.log")).contains("last words of rank=1&attempt=2");
    assertThat(entries.get("MANIFEST.txt"))
        .contains("job.json", "What is missing, and why:")
        .contains("seats.json: NO_QUORUM it is", "attempt-1/rank-0-error.json: NOTHING_TO_DO it is")
        .contains("were left out");
    assertThat(Files.getPosixFilePermissions(file))
        .isEqualTo(PosixFilePermissions.fromString("rw-------"));
    assertThat(run.err).contains("missing: seats.json");
  }

  @Test
  void aNodeThatDoesNotAnswerIsAskedOnceAndTheRestIsThere() throws Exception {
    api.answer("GET /v1/jobs/q-1", Views.restarted("q-1"));
    api.refuse("GET /v1/jobs/q-1/logs?file=report&rank=0&attempt=1", 503, "NODE_SILENT");
    Path file = folder.resolve("b.zip");

    CliRun run = CliRun.of(api, "bundle", "q-1", "-o", file.toString(), "--output", "json");

    assertThat(run.code).as(run.err).isZero();
    assertThat(api.requests).noneMatch(r -> r.contains("file=launch&rank=0&attempt=1"));
    assertThat(FakeApi.JSON.readTree(run.out).path("missing").size()).isGreaterThan(5);
    assertThat(entries(file)).containsKeys("describe.txt", "job.json", "MANIFEST.txt");
  }

  @Test
  void aJobThatIsNotThereLeavesNoFile() throws Exception {
    api.refuse("GET /v1/jobs/q-1", 404, "UNKNOWN_JOB");

    CliRun run = CliRun.of(api, "bundle", "q-1", "-o", folder.resolve("b.zip").toString());

    assertThat(run.code).isEqualTo(9);
    assertThat(left()).isEmpty();
  }

  @Test
  void aPlaceThatCannotBeWrittenIsAUsageMistake() {
    api.answer("GET /v1/jobs/q-1", Views.restarted("q-1"));

    CliRun run =
        CliRun.of(api, "bundle", "q-1", "-o", folder.resolve("none").resolve("b.zip").toString());

    assertThat(run.code).isEqualTo(2);
    assertThat(run.err).contains("cannot be written", "-o");
  }

  @Test
  void itIsBoundedAndNothingIsLeftOfOneThatWasNotFinished() throws Exception {
    Path file = folder.resolve("b.zip");
    String most = "x".repeat((int) (BundleArchive.MAX_BYTES / 2));
    try (var archive = BundleArchive.open(file)) {
      archive.add("a", most);
      archive.add("b", most);
      archive.add("c", "y");
      assertThat(archive.missing()).containsExactly("c: the bundle is full at 67108864 bytes");
    }
    assertThat(left()).isEmpty();
  }

  private List<String> left() throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.map(Path::toString).toList();
    }
  }

  private static LogView log(int rank, int attempt, String text) {
    return new LogView(rank, rank, attempt, 0, text.length(), true, text);
  }

  private static Map<String, String> entries(Path file) throws IOException {
    var entries = new HashMap<String, String>();
    try (var zip = new ZipFile(file.toFile())) {
      for (var entry : java.util.Collections.list(zip.entries())) {
        entries.put(
            entry.getName(),
            new String(zip.getInputStream(entry).readAllBytes(), StandardCharsets.UTF_8));
      }
    }
    return entries;
  }
}
