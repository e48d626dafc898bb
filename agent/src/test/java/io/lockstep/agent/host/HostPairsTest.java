package io.lockstep.agent.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.lockstep.agent.Jobs;
import io.lockstep.agent.process.NodeFacts;
import io.lockstep.agent.process.ProcessScan;
import io.lockstep.protocol.message.AgentQuery;
import io.lockstep.protocol.model.PairOutcome;
import io.lockstep.protocol.model.PairOutcome.End;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A node's part of a pair check, with real processes: small scripts in the place of pairs.py. */
@NullUnmarked // JUnit fills the fields in
class HostPairsTest {
  @TempDir Path dir;

  private final int port = ThreadLocalRandom.current().nextInt(100_000, 999_999);
  private HostPairs pairs;

  @BeforeEach
  void open() {
    var settings = Jobs.settings(port, dir.resolve("data"), dir, "python3");
    var facts =
        new NodeFacts(
            Jobs.NODE,
            "127.0.0.1",
            settings.markerPrefix(),
            "python3",
            settings.dataDir(),
            false,
            Optional.of("lo"),
            dir);
    var env = Map.of("PATH", System.getenv("PATH"), "LOCKSTEP_DIR", "stale", "MINE", "kept");
    pairs = new HostPairs(settings, facts, env, new ProcessScan(settings.markerPrefix()));
  }

  @AfterEach
  void close() {
    pairs.close();
  }

  @Test
  void aPortIsOffered() throws Exception {
    assertThat(pairs.offerPort().toCompletableFuture().get(10, TimeUnit.SECONDS).port())
        .hasValueSatisfying(found -> assertThat(found).isBetween(29_500, 29_999));
  }

  @Test
  void whatIsMeasuredIsReadBesideWhatTorchPrints() throws Exception {
    program(
        """
        print('{"stage": "import"}')
        print("NCCL INFO {}")
        print('{"device": "cpu", "matmulSeconds": 0.01, "gatherSeconds": 0.002, "bytes": 4096}')
        print("[W] a warning at the end")
        """);

    PairOutcome said = pair();

    assertThat(said.end()).isEqualTo(End.MEASURED);
    assertThat(said.reading().orElseThrow().gather()).isEqualTo(Duration.ofMillis(2));
    assertThat(said.reading().orElseThrow().matmul()).isEqualTo(Duration.ofMillis(10));
  }

  @Test
  void theSeatAndTheWorkersEnvironmentAreGiven() throws Exception {
    program(
        """
        import json, os, sys
        env = [os.environ.get(n) for n in ("GLOO_SOCKET_IFNAME", "MINE", "LOCKSTEP_DIR")]
        print(json.dumps({"stage": "join", "error": " ".join(sys.argv[1:]) + str(env)}))
        sys.exit(1)
        """);

    PairOutcome said = pair();

    assertThat(said.end()).isEqualTo(End.FAILED_TOGETHER);
    assertThat(said.withoutTorch()).isFalse();
    assertThat(said.problem())
        .isEqualTo(
            "--rank 1 --nodes 2 --address 10.0.0.1 --port 29512 --limit 45"
                + "['lo', 'kept', None]");
  }

  @Test
  void whatFailsBeforeItMeetsAnybodyIsItsOwnMatter() throws Exception {
    program("print('{\"stage\": \"import\"}', flush=True)\nimport nosuchtorch\n");

    PairOutcome said = pair();

    assertThat(said.end()).isEqualTo(End.FAILED_ALONE);
    assertThat(said.problem())
        .startsWith("python3 ended with code 1 in its stage import")
        .endsWith("No module named 'nosuchtorch'");
  }

  @Test
  void anInterpreterThatIsNotThereIsToldByName() throws Exception {
    program("");

    PairOutcome said = ask(Optional.of("/no/such/python")).get(10, TimeUnit.SECONDS).outcome();

    assertThat(said.end()).isEqualTo(End.FAILED_ALONE);
    assertThat(said.problem()).startsWith("cannot run /no/such/python");
    assertThat(said.withoutTorch()).isTrue();
  }

  @Test
  void anInterpreterWithoutTorchIsToldApart() throws Exception {
    program("print('{\"stage\": \"import\", \"error\": \"no torch\", \"withoutTorch\": true}')\n");

    PairOutcome said = pair();

    assertThat(said).isEqualTo(PairOutcome.withoutTorch("python3: no torch"));
    assertThat(said.end()).isEqualTo(End.FAILED_ALONE);
  }

  @Test
  void aPortThatWasTakenMeanwhileSaysNothing() throws Exception {
    program("print('{\"stage\": \"join\", \"error\": \"EADDRINUSE\", \"portTaken\": true}')\n");

    assertThat(pair().end()).isEqualTo(End.NOT_RUN);
  }

  @Test
  void whereAJobIsNothingIsStarted() throws Exception {
    program("open('" + dir + "/began', 'w')\n");

    PairOutcome said =
        pairs
            .pair(question(Optional.empty()), Optional.of(Jobs.fence(1)))
            .toCompletableFuture()
            .get(10, TimeUnit.SECONDS)
            .outcome();

    assertThat(said.end()).isEqualTo(End.NOT_RUN);
    assertThat(said.problem()).startsWith("job ").endsWith(" is on this node");
    assertThat(dir.resolve("began")).doesNotExist();
  }

  @Test
  void aJobThatComesEndsItAndOneAtATimeIsAllowed() throws Exception {
    program("import time\nopen('" + dir + "/began', 'w')\ntime.sleep(600)\n");
    CompletableFuture<AgentQuery.Paired> first = ask(Optional.empty());
    await().atMost(Duration.ofSeconds(20)).until(() -> Files.exists(dir.resolve("began")));

    PairOutcome second = pair();
    pairs.giveWay();

    assertThat(second.problem()).isEqualTo("another pair check is at work on this node");
    assertThat(first.get(10, TimeUnit.SECONDS).outcome().problem())
        .isEqualTo("a job came to this node");
    program("print('{\"stage\": \"join\", \"error\": \"e\"}')\n");
    assertThat(pair().end()).isEqualTo(End.FAILED_TOGETHER);
  }

  private void program(String text) throws Exception {
    Files.writeString(dir.resolve("pairs.py"), text);
  }

  private PairOutcome pair() throws Exception {
    return ask(Optional.empty()).get(20, TimeUnit.SECONDS).outcome();
  }

  private CompletableFuture<AgentQuery.Paired> ask(Optional<String> python) {
    return pairs.pair(question(python), Optional.empty()).toCompletableFuture();
  }

  /** Nobody is told: the stage is. */
  @SuppressWarnings("NullAway")
  private static AgentQuery.Pair question(Optional<String> python) {
    return new AgentQuery.Pair(
        "d1", python, new AgentQuery.PairSeat(1, 2, "10.0.0.1", 29_512), null);
  }
}
