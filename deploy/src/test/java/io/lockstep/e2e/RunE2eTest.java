package io.lockstep.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;

/** {@code lockstep run} in the foreground, called as torchrun is called. */
@DisabledIfSystemProperty(named = "slow.tests", matches = "false")
final class RunE2eTest {
  private static final Path DIR = Installation.freshFolder("run");
  private static final String SCRIPT = Installation.EXAMPLES.resolve("bare_train.py").toString();

  private final Calls calls = new Calls(DIR);

  @AfterEach
  void nothingIsLeftBehind() throws InterruptedException {
    calls.endAll("127.77.0.1", "127.77.0.2", "127.77.0.3");
  }

  @Test
  void oneHostAloneTrainsAndPrintsWhatRankZeroPrints() throws Exception {
    Calls.Call call =
        run("127.77.0.1", "--standalone", "--nproc-per-node", "2", SCRIPT, "--cpu", "--steps", "5");

    assertThat(call.exit()).as(call.talk()).isZero();
    assertThat(call.output()).contains("step=1 loss=").contains("step=5 loss=");
  }

  @Test
  void anExceptionInTheScriptExits3WithItsText() throws Exception {
    Calls.Call call =
        run(
            "127.77.0.1",
            "--standalone",
            "--nproc_per_node=1",
            SCRIPT,
            "--cpu",
            "--steps",
            "9",
            "--fail-at-step",
            "3");

    assertThat(call.exit()).as(call.talk()).isEqualTo(3);
    assertThat(call.talk()).contains("failed at step 3 on rank 0, as asked");
  }

  @Test
  void twoHostsTrainTogetherAndAKilledWorkerHeals() throws Exception {
    Path record = DIR.resolve("record.jsonl");
    Calls.Call first = host(0, record);
    Calls.Call second = host(1, record);
    await("rank 1 trains")
        .atMost(Duration.ofMinutes(1))
        .until(() -> JsonLines.read(record).stream().anyMatch(e -> isRankOneAt(e, 12)));
    JsonNode one =
        JsonLines.read(record).stream().filter(e -> isRankOneAt(e, 12)).findFirst().orElseThrow();
    assertThat(one.path("nodeRank").asInt()).isEqualTo(1);
    assertThat(one.path("node").asText()).isEqualTo("127.77.0.2");
    Processes.signal("KILL", one.path("pid").asLong());

    assertThat(first.exit()).as(first.talk()).isZero();
    assertThat(second.exit()).as(second.talk()).isZero();
    assertThat(first.output()).contains("step=60 loss=");
    assertThat(JsonLines.read(record)).anyMatch(e -> e.path("attempt").asInt() == 2);
  }

  @Test
  void controlCCancelsAndLeavesNothing() throws Exception {
    Calls.Call call =
        run(
            "127.77.0.1",
            "--standalone",
            "--nproc-per-node",
            "1",
            SCRIPT,
            "--cpu",
            "--steps",
            "9999");
    await("it trains").atMost(Duration.ofMinutes(1)).until(() -> call.output().contains("step=3 "));

    Processes.signal("INT", call.process().pid());

    assertThat(call.exit()).as(call.talk()).isEqualTo(7);
    assertThat(Processes.marked("LOCKSTEP_GROUP=127.77.0.1:")).isEmpty();
  }

  @Test
  void aTakenRankIsRefusedAndTheSameCommandTakesAVacantOneAgain() throws Exception {
    Path record = DIR.resolve("rejoin.jsonl");
    Calls.Call first = host(0, record, "--steps", "100");
    Calls.Call second = host(1, record, "--steps", "100");
    await("rank 1 trains")
        .atMost(Duration.ofMinutes(1))
        .until(() -> JsonLines.read(record).stream().anyMatch(e -> isRankOneAt(e, 12)));

    Calls.Call intruder = host("127.77.0.3", 1, record);
    assertThat(intruder.exit()).isEqualTo(9);
    assertThat(intruder.talk()).contains("node rank 1 is taken by 127.77.0.2");

    second.process().destroyForcibly().waitFor();
    Calls.Call again = host(1, record, "--steps", "100");

    assertThat(first.exit()).as(first.talk()).isZero();
    assertThat(again.exit()).as(again.talk()).isZero();
    assertThat(again.talk()).contains("127.77.0.2 is in, for node rank 1");
    assertThat(first.output()).contains("resumed from").contains("step=100 loss=");
  }

  @Test
  void modulesAndProgramsRunAsUnderTorchrun() throws Exception {
    Files.writeString(
        DIR.resolve("tiny_module.py"),
        "import os, sys\nprint('module', os.environ['RANK'], sys.argv[1:], os.getcwd())\n");

    Calls.Call module = run("127.77.0.1", "--standalone", "-m", "tiny_module", "--x", "1");
    assertThat(module.exit()).as(module.talk()).isZero();
    assertThat(module.output()).contains("module 0 ['--x', '1'] " + DIR);

    Calls.Call program =
        run("127.77.0.1", "--standalone", "--no-python", "sh", "-c", "echo program $RANK $MINE");
    assertThat(program.exit()).as(program.talk()).isZero();
    assertThat(program.output()).contains("program 0 of the caller");
  }

  @Test
  void theDropInTrainsATinyModelAndMovesOldCheckpointsAside() throws Exception {
    Path corpus = DIR.resolve("corpus");
    Calls.Call made =
        start(
            List.of(
                Installation.PYTHON,
                Installation.EXAMPLES.resolve("make_corpus.py").toString(),
                "--out",
                corpus.toString(),
                "--max-mib",
                "0.2",
                "--model-config",
                DIR.resolve("model").toString(),
                "--size",
                "nano"));
    assertThat(made.exit()).as(made.talk()).isZero();
    Path output = DIR.resolve("pretrained");
    Files.createDirectories(output.resolve("checkpoint-1"));

    Calls.Call call =
        start(
            List.of(
                Installation.HOME.resolve("bin/torchrun_multi_node_multi_gpu.sh").toString(),
                "2",
                "1",
                "2",
                "127.77.0.1",
                "29800",
                "--max_steps",
                "2",
                "--save_steps",
                "2",
                "--gradient_accumulation_steps",
                "1",
                "--block_size",
                "64"),
            Map.of(
                "RANDOM_WEIGHTS",
                "1",
                "MODEL_PATH",
                "model",
                "TRAIN_FILE_DIR",
                corpus.resolve("train").toString(),
                "VALID_FILE_DIR",
                corpus.resolve("valid").toString(),
                "OUTPUT_DIR",
                output.toString()));

    assertThat(call.exit()).as(call.talk()).isZero();
    assertThat(call.talk())
        .contains("ON_EXISTING=resume")
        .contains(Installation.EXAMPLES.resolve("pretraining.py").toString());
    assertThat(output.resolve("aside-1-checkpoint-1")).isDirectory();
    assertThat(output.resolve("checkpoint-2/trainer_state.json")).isRegularFile();
  }

  @Test
  void theDropInNamesEveryPathThatIsMissing() throws Exception {
    Calls.Call call =
        start(
            List.of(Installation.HOME.resolve("bin/torchrun_multi_node_multi_gpu.sh").toString()),
            Map.of("MODEL_PATH", "/no/model", "TRAIN_FILE_DIR", "/no/text"));

    assertThat(call.exit()).isEqualTo(9);
    assertThat(call.talk()).contains("MODEL_PATH=/no/model").contains("TRAIN_FILE_DIR=/no/text");
  }

  private Calls.Call host(int rank, Path record, String... more) throws IOException {
    return host("127.77.0." + (rank + 1), rank, record, more);
  }

  private Calls.Call host(String address, int rank, Path record, String... more)
      throws IOException {
    var args =
        new ArrayList<>(
            List.of(
                "--nnodes",
                "2",
                "--node-rank",
                Integer.toString(rank),
                "--nproc-per-node",
                "1",
                "--master-addr",
                "127.77.0.1",
                "--master-port",
                "29700",
                "--checkpoint-format",
                "hf-deepspeed",
                SCRIPT,
                "--cpu",
                "--steps",
                "60",
                "--save-steps",
                "10",
                "--output_dir",
                record + "-output",
                "--record",
                record.toString()));
    args.addAll(List.of(more)); // the last --steps counts
    return run(address, args.toArray(String[]::new));
  }

  private Calls.Call run(String host, String... args) throws IOException {
    return calls.run(host, args);
  }

  private Calls.Call start(List<String> command) throws IOException {
    return calls.start(command, Map.of());
  }

  private Calls.Call start(List<String> command, Map<String, String> env) throws IOException {
    return calls.start(command, env);
  }

  private static boolean isRankOneAt(JsonNode entry, int step) {
    return entry.path("rank").asInt() == 1 && entry.path("step").asInt() >= step;
  }
}
