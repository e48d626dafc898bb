package io.lockstep.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The example script with real DeepSpeed over two daemons: a fault must not change what comes out.
 */
@SuppressWarnings("NullAway.Init") // JUnit starts the fleet before anything reads it
@DisabledIfSystemProperty(named = "slow.tests", matches = "false")
final class TrainingE2eTest {
  private static final int STEPS = 16;
  private static final int SAVE_STEPS = 5;
  private static final double SAME_LOSS = 1e-4;

  private static final Path DIR = Installation.freshFolder("training");

  private static Fleet fleet;

  @BeforeAll
  static void startFleet() throws IOException, InterruptedException {
    Process corpus =
        new ProcessBuilder(
                Installation.PYTHON,
                Installation.EXAMPLES.resolve("make_corpus.py").toString(),
                "--out",
                DIR.resolve("corpus").toString(),
                "--model-config",
                DIR.resolve("model").toString(),
                "--size",
                "small")
            .inheritIO()
            .start();
    assertThat(corpus.waitFor()).isZero();
    fleet = Fleet.of(DIR, 3);
  }

  @AfterAll
  static void stopFleet() {
    fleet.close();
  }

  @ParameterizedTest(name = "ZeRO-{0}, {1} workers per node")
  @CsvSource({"2, 1", "3, 1"})
  void aRunWithAKilledWorkerEndsWithTheLossOfOneWithout(int stage, int procs) throws IOException {
    String whole = "whole-%d-%d".formatted(stage, procs);
    String broken = "broken-%d-%d".formatted(stage, procs);
    String undisturbed = fleet.submit(jobFile(whole, stage, procs));
    fleet.awaitPhase(undisturbed, "SUCCEEDED");

    String id = fleet.submit(jobFile(broken, stage, procs));
    JsonNode before =
        fleet.awaitJob(
            id, "a checkpoint", j -> j.path("lastCheckpoint").path("step").asInt() >= SAVE_STEPS);
    String node = before.path("rankTable").get(1).path("node").asText();
    Processes.signal("KILL", fleet.node(node).path("workerPids").get(0).asLong());
    JsonNode after = fleet.awaitPhase(id, "SUCCEEDED");

    assertThat(after.path("attempt").asInt()).as(after.toPrettyString()).isEqualTo(2);
    assertThat(after.path("attempts").get(1).path("resumedFromStep").asInt())
        .isGreaterThanOrEqualTo(SAVE_STEPS);
    assertThat(after.path("zeroStage").asInt()).isEqualTo(stage);
    assertThat(evalLoss(broken)).isCloseTo(evalLoss(whole), within(SAME_LOSS));
  }

  /** ZeRO-1 lays its checkpoints out as ZeRO-2 does, and four workers are slow on two cores. */
  @ParameterizedTest(name = "ZeRO-{0}, {1} workers per node")
  @CsvSource({"1, 1", "2, 2"})
  @EnabledIfSystemProperty(named = "slow.tests", matches = "all")
  void soDoOthers(int stage, int procs) throws IOException {
    aRunWithAKilledWorkerEndsWithTheLossOfOneWithout(stage, procs);
  }

  @Test
  void aDrainAndACancelOfAScriptWithTheHelperLoseNoStep() throws IOException {
    Path folder = Files.createDirectories(DIR.resolve("helper"));
    Path record = folder.resolve("steps");
    String id = fleet.submit(helperJob(folder, record));
    JsonNode before = fleet.awaitStep(id, 1, 6);
    String drained = Fleet.nodeOfRank(before, 1);

    assertThat(fleet.cli("drain", drained).exit()).isZero();
    JsonNode moved = fleet.awaitStep(id, 2, 1);

    int resumed = moved.path("attempts").get(1).path("resumedFromStep").asInt();
    assertThat(moved.path("restarts").path("counted").asInt()).isZero();
    assertThat(steps(record, 1)).as("it made no step after the save").endsWith(resumed);

    assertThat(fleet.cli("cancel", id, "--checkpoint").exit()).isZero();
    JsonNode canceled = fleet.awaitPhase(id, "CANCELED");
    assertThat(fleet.cli("resume", drained).exit()).isZero();

    List<Integer> second = steps(record, 2);
    int last = second.get(second.size() - 1);
    assertThat(second.get(0)).as("nor was one repeated").isEqualTo(resumed + 1);
    assertThat(folder.resolve("out/checkpoint-" + last + "/lockstep-manifest.json")).exists();
    assertThat(moved.path("progress").path("totalSteps").asInt()).isEqualTo(9_000);
    assertThat(canceled.path("exitCode").asInt()).isEqualTo(7);
  }

  @Test
  void onOneNodeInsteadOfTwoItConvertsItsCheckpointAndGoesOn() throws IOException {
    Path folder = Files.createDirectories(DIR.resolve("resized"));
    String first = fleet.submit(resizedJob(folder, 2, 4));
    fleet.awaitPhase(first, "SUCCEEDED");
    double lossAtTwo = losses(first).path("4").asDouble();

    String second = fleet.submit(resizedJob(folder, 1, 6));
    JsonNode after = fleet.awaitPhase(second, "SUCCEEDED");

    assertThat(after.path("attempts")).hasSize(1);
    assertThat(after.path("attempts").get(0).path("resumedFromStep").asInt()).isEqualTo(4);
    assertThat(after.path("restarts").path("counted").asInt()).isZero();
    assertThat(fleet.cli("events", second).out()).contains("ConversionOrdered", "converts it");
    assertThat(losses(second).fieldNames()).toIterable().containsExactly("5", "6");
    assertThat(losses(second).path("5").asDouble()).isBetween(lossAtTwo - 0.3, lossAtTwo);
    assertThat(folder.resolve("out/checkpoint-6/global_step6")).isDirectory();
  }

  /** What the script printed last. */
  private static JsonNode losses(String id) throws IOException {
    String line =
        fleet
            .cli("logs", id, "--rank", "0")
            .out()
            .lines()
            .filter(l -> l.contains("losses {"))
            .findFirst()
            .orElseThrow();
    return new JsonMapper().readTree(line.substring(line.indexOf("losses ") + 7));
  }

  private static Path resizedJob(Path folder, int nodes, int steps) throws IOException {
    return Files.writeString(
        folder.resolve("job-%d.yaml".formatted(nodes)),
        """
        name: resized
        script: %s
        workdir: %s
        nodes: %d
        procsPerNode: 1
        args: [hf, --out, out, --steps, "%d"]
        zero:
          train_micro_batch_size_per_gpu: 4
          gradient_accumulation_steps: 1
          zero_optimization: {stage: 2}
          bf16: {enabled: true}
          optimizer: {type: AdamW, params: {lr: 0.01, torch_adam: true}}
          zero_allow_untested_optimizer: true
        checkpoint: {dir: %s, format: hf-deepspeed, onResize: universal}
        """
            .formatted(
                Path.of("../agent/src/test/python/real_checkpoints.py")
                    .toAbsolutePath()
                    .normalize(),
                folder,
                nodes,
                steps,
                folder.resolve("out")));
  }

  private static List<Integer> steps(Path record, int attempt) throws IOException {
    return Files.readAllLines(record).stream()
        .map(line -> line.split(" ", -1))
        .filter(words -> words[0].equals(String.valueOf(attempt)))
        .map(words -> Integer.valueOf(words[1]))
        .toList();
  }

  private static Path helperJob(Path folder, Path record) throws IOException {
    return Files.writeString(
        folder.resolve("job.yaml"),
        """
        name: helper
        script: %s
        workdir: %s
        nodes: 2
        procsPerNode: 1
        args: [--output_dir, out, --max_steps, "9000", --step_seconds, "0.2", --record, %s]
        checkpoint: {dir: %s, format: hf}
        """
            .formatted(
                Installation.EXAMPLES.resolve("hf_with_helper.py"),
                folder,
                record,
                folder.resolve("out")));
  }

  private static double evalLoss(String name) throws IOException {
    Path results = DIR.resolve(name).resolve("output/all_results.json");
    return new JsonMapper().readTree(results.toFile()).path("eval_loss").asDouble(Double.NaN);
  }

  private static Path jobFile(String name, int stage, int procs) throws IOException {
    Path folder = Files.createDirectories(DIR.resolve(name));
    return Files.writeString(
        folder.resolve("job.yaml"),
        """
        name: %s
        script: %s
        workdir: %s
        nodes: 2
        procsPerNode: %d
        zero: %d
        paths:
          model: %s
          trainFiles: %s
          validFiles: %s
          output: %s
          cache: %s
        args: [--random_weights, --train_tokenizer, --bf16, --block_size, "128",
               --max_steps, "%d", --per_device_train_batch_size, "1",
               --gradient_accumulation_steps, "4", --learning_rate, "1e-3",
               --logging_steps, "5", --eval_strategy, "no", --max_eval_samples, "20",
               --save_steps, "%d"]
        """
            .formatted(
                name,
                Installation.EXAMPLES.resolve("pretraining.py"),
                folder,
                procs,
                stage,
                DIR.resolve("model"),
                DIR.resolve("corpus/train"),
                DIR.resolve("corpus/valid"),
                folder.resolve("output"),
                DIR.resolve("cache"),
                STEPS,
                SAVE_STEPS));
  }
}
