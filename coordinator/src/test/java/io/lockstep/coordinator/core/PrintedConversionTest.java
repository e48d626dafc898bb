package io.lockstep.coordinator.core;

import static io.lockstep.coordinator.core.ACluster.aPreparingJob;
import static io.lockstep.coordinator.core.ACluster.node;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.CheckpointInventory;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.ReasonCode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The command that a refusal prints is run as it is printed, on what real training wrote; training
 * then goes on with other numbers of ranks, and with the losses of one that was never stopped.
 */
@Tag("slow")
@DisabledIfSystemProperty(named = "slow.tests", matches = "false")
@NullUnmarked // JUnit fills the fields in
class PrintedConversionTest {
  private static final int LIMIT_SECONDS = 180;

  private static final String ZERO =
      """
      {"train_micro_batch_size_per_gpu": 4, "gradient_accumulation_steps": 1,
       "zero_optimization": {"stage": %d}, "bf16": {"enabled": true},
       "optimizer": {"type": "AdamW", "params": {"lr": 0.01, "torch_adam": true}},
       "zero_allow_untested_optimizer": true, "checkpoint": {"load_universal": true}}
      """;

  @TempDir Path dir;
  private static String python;

  @BeforeAll
  static void preparePython() throws Exception {
    python = said(new ProcessBuilder("../deploy/bin/prepare-python")).strip();
  }

  @ParameterizedTest
  @CsvSource({"hf, HF_DEEPSPEED, 2, checkpoint-2, 1 3", "plain, DEEPSPEED, 3, global_step2, 3"})
  void goesOnWithOtherNumbersOfRanks(
      String layout, CheckpointFormat format, int stage, String name, String sizes)
      throws Exception {
    Path out = dir.resolve("an output's folder");
    Map<Integer, Double> whole =
        train(2, layout, "--stage", String.valueOf(stage), "--out", out.toString());
    Path checkpoint = out.resolve(name);

    Process shell = shell(printed(checkpoint, format));
    String log = new String(shell.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(shell.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)).isTrue();
    assertThat(shell.exitValue()).as(log).isZero();

    Path zero = Files.writeString(dir.resolve("zero.json"), ZERO.formatted(stage));
    Path from =
        format == CheckpointFormat.HF_DEEPSPEED ? checkpoint : out.resolve(name + "_universal");
    for (String ranks : sizes.split(" ", -1)) {
      Map<Integer, Double> resumed =
          train(
              Integer.parseInt(ranks),
              layout,
              "--deepspeed",
              zero.toString(),
              "--out",
              dir.resolve("on-" + ranks).toString(),
              "--resume_from_checkpoint",
              from.toString());
      assertThat(resumed.keySet()).as("only what came after").containsExactly(3, 4);
      resumed.forEach(
          (step, loss) ->
              assertThat(loss)
                  .as("step %d on %s", step, ranks)
                  .isCloseTo(whole.get(step), within(2e-3)));
    }
  }

  /** What the machine says to a gang of one where two ranks have written. */
  private static String printed(Path checkpoint, CheckpointFormat format) {
    ACluster cluster = aPreparingJob(1, AJob.of(1).format(format), 1);
    cluster.checkpoints =
        new CheckpointInventory(
            Optional.of(new CheckpointInventory.Owner("a", "llama")),
            List.of(new CompleteCheckpoint(checkpoint.toString(), 2, 2)),
            List.of());
    cluster.prepared(ACluster.A, node("n1"));
    assertThat(cluster.job().reason().code()).isEqualTo(ReasonCode.CHECKPOINT_WORLD_SIZE);
    Matcher command = Pattern.compile("`(.*)`").matcher(cluster.job().reason().message());
    assertThat(command.find()).isTrue();
    return command.group(1);
  }

  private static Process shell(String command) throws IOException {
    return start(new ProcessBuilder("sh", "-c", command));
  }

  private static Map<Integer, Double> train(int ranks, String... arguments) throws Exception {
    var command =
        new java.util.ArrayList<>(
            List.of(python, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"));
    command.add(String.valueOf(ranks));
    command.add("../agent/src/test/python/real_checkpoints.py");
    command.addAll(List.of(arguments));
    String losses =
        said(new ProcessBuilder(command))
            .lines()
            .filter(l -> l.startsWith("losses "))
            .findFirst()
            .orElseThrow();
    return new ObjectMapper()
        .readValue(losses.substring(7), new TypeReference<TreeMap<Integer, Double>>() {});
  }

  private static String said(ProcessBuilder builder) throws Exception {
    Process process = start(builder);
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(said).isZero();
    return said;
  }

  private static Process start(ProcessBuilder builder) throws IOException {
    if (python == null) {
      builder.redirectError(ProcessBuilder.Redirect.INHERIT);
    } else {
      builder.redirectErrorStream(true);
    }
    builder.environment().put("DS_ACCELERATOR", "cpu");
    builder.environment().put("OMP_NUM_THREADS", "1");
    builder.environment().put("CUDA_VISIBLE_DEVICES", "");
    if (python != null) { // as in a shell where the environment is activated
      String bin = String.valueOf(Path.of(python).getParent());
      builder.environment().merge("PATH", bin, (old, first) -> first + ":" + old);
    }
    return builder.start();
  }
}
