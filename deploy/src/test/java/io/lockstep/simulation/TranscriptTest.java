package io.lockstep.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.JobSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Scenarios in which nothing happens by chance, kept for people to read and to review as a diff:
 * the verbs on top, what was said and stored below. Record them with -Dtranscripts.record=true.
 */
final class TranscriptTest {
  private static final Path FOLDER = Path.of("src", "test", "resources", "transcripts");
  private static final boolean RECORD = Boolean.getBoolean("transcripts.record");
  private static final JobId JOB = new JobId("llama");

  private final Simulation sim = Simulation.plain(4, 3, Trace.Detail.EXCHANGE);
  private final List<String> verbs = new ArrayList<>();

  @Test
  void loseOneNode() throws IOException {
    at(3, "submit llama: 2 nodes, 1 spare, 30 steps", () -> submit(2, 1));
    at(15, "n1 loses power: the spare takes its rank", () -> sim.host("n1").crash());
    at(60, "n1 boots again", () -> sim.host("n1").boot());
    compare("lose-one-node");
  }

  @Test
  void workerKilled() throws IOException {
    at(3, "submit llama: 2 nodes, 30 steps", () -> submit(2, 0));
    at(15, "the worker on n2 is ended by SIGKILL", () -> killWorker("n2"));
    compare("worker-killed");
  }

  @Test
  void coordinatorLost() throws IOException {
    at(3, "submit llama: 2 nodes, 30 steps", () -> submit(2, 0));
    at(15, "the coordinator stops", () -> sim.singleton.any().ifPresent(SimCoordinator::stop));
    compare("coordinator-lost");
  }

  @Test
  void cancel() throws IOException {
    at(3, "submit llama: 2 nodes, 30 steps", () -> submit(2, 0));
    at(
        15,
        "cancel llama with a grace of 10 s",
        () -> sim.operators.cancel(JOB, Duration.ofSeconds(10)));
    compare("cancel");
  }

  @Test
  void allRestarted() throws IOException {
    at(3, "submit llama: 2 nodes, 30 steps", () -> submit(2, 0));
    at(15, "every host loses power", () -> sim.hosts().forEach(SimHost::crash));
    at(20, "every host boots", () -> sim.hosts().forEach(SimHost::boot));
    compare("all-restarted");
  }

  private void submit(int nodes, int spares) {
    sim.operators.submit(
        JOB, Operators.spec("llama", nodes, spares, 0, JobSpec.Restart.DEFAULT), 30);
  }

  private void killWorker(String host) {
    sim.host(host)
        .groups(fence -> true)
        .forEach(g -> g.crash(Ends.killed(g.launch.nodeRank(), sim.schedule.instant())));
  }

  private void at(int second, String verb, Runnable action) {
    verbs.add("at %2d s  %s".formatted(second, verb));
    sim.schedule.after(
        second * 1_000L,
        () -> {
          sim.trace.exchange("*** %s", verb);
          action.run();
        });
  }

  private void compare(String name) throws IOException {
    sim.boot();
    sim.runUntil(61_000);
    sim.settle();
    String text = String.join("\n", verbs) + "\n\n" + sim.trace.text();
    Path file = FOLDER.resolve(name + ".txt");
    if (RECORD) {
      Files.createDirectories(FOLDER);
      Files.writeString(file, text);
    }
    assertThat(text)
        .as("%s; record it again with -Dtranscripts.record=true and review the diff", file)
        .isEqualTo(Files.readString(file));
  }
}
