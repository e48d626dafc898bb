package io.lockstep.agent.host;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.agent.TrainingPython;
import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.CheckpointInventory;
import io.lockstep.protocol.model.CompleteCheckpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Damaged checkpoints, made from two that real training wrote moments ago (HF Trainer with ZeRO-2,
 * DeepSpeed alone with ZeRO-3, two ranks each): never chosen; the older whole one is.
 */
@Tag("slow")
@DisabledIfSystemProperty(named = "slow.tests", matches = "false")
@NullUnmarked // JUnit fills the fields in
class DamagedCheckpointsTest {
  @TempDir static Path originals;
  @TempDir Path dir;

  private final CheckpointScan scan = new CheckpointScan();

  /** What is done to the newer one. */
  private interface Damage {
    void to(Path checkpoint) throws IOException;
  }

  /** A layout on disk: DeepSpeed's shards lie deeper in an HF folder. */
  private enum Layout {
    HF("hf", CheckpointFormat.HF_DEEPSPEED, "checkpoint-", 2, "global_step4/"),
    PLAIN("plain", CheckpointFormat.DEEPSPEED, "global_step", 3, "");

    private final String word;
    private final CheckpointFormat format;
    private final String prefix;
    private final int stage;
    private final String shards;

    Layout(String word, CheckpointFormat format, String prefix, int stage, String shards) {
      this.word = word;
      this.format = format;
      this.prefix = prefix;
      this.stage = stage;
      this.shards = shards;
    }

    String optimizer(int rank) {
      return shards + "bf16_zero_pp_rank_" + rank + "_mp_rank_00_optim_states.pt";
    }

    String model() {
      return shards + (stage == 3 ? "zero_pp_rank_1_" : "") + "mp_rank_00_model_states.pt";
    }
  }

  @BeforeAll
  static void train() throws Exception {
    String python = TrainingPython.path();
    for (Layout layout : Layout.values()) {
      RealCheckpoints.train(
          python,
          2,
          layout.word,
          "--stage",
          String.valueOf(layout.stage),
          "--out",
          originals.resolve(layout.word).toString());
    }
  }

  private static Map<String, Damage> damages(Layout layout) {
    var all = new LinkedHashMap<String, Damage>();
    for (String part : List.of(layout.optimizer(0), layout.optimizer(1), layout.model())) {
      all.put(
          "found 5000 bytes, wanted a zip directory at their end|" + part,
          c -> Checkpoints.cutOff(c.resolve(part), 5_000));
      all.put("has 0 bytes|" + part, c -> Checkpoints.cutOff(c.resolve(part), 0));
      all.put("is missing|" + part, c -> Files.delete(c.resolve(part)));
      all.put(
          "is a folder, wanted a file|" + part,
          c -> {
            Files.delete(c.resolve(part));
            Files.createDirectory(c.resolve(part));
          });
      all.put(
          "cannot be read|" + part, // not even by root
          c -> {
            Files.delete(c.resolve(part));
            Files.createSymbolicLink(c.resolve(part), c.resolve(part).getFileName());
          });
    }
    if (layout.stage < 3) {
      all.remove("is missing|" + layout.model());
      all.put("no model states in global_step4|", c -> Files.delete(c.resolve(layout.model())));
    }
    all.put(
        "found 3 files, wanted 2 of 2 ranks|",
        c -> Files.copy(c.resolve(layout.optimizer(0)), c.resolve(layout.optimizer(2))));
    if (layout == Layout.HF) {
      all.put(
          "found 1 of 2 random states|rng_state_0.pth is missing",
          c -> Files.delete(c.resolve("rng_state_0.pth")));
      all.put(
          "found 1 of 2 random states|rng_state_1.pth is missing",
          c -> Files.delete(c.resolve("rng_state_1.pth")));
      all.put(
          "found 2 of 2 random states|rng_state_1.pth has 0 bytes",
          c -> Checkpoints.cutOff(c.resolve("rng_state_1.pth"), 0));
      all.put(
          "latest names global_step6, wanted global_step4|",
          c -> Files.writeString(c.resolve("latest"), "global_step6"));
      all.put(
          "bytes, wanted|model.safetensors",
          c -> Checkpoints.cutOff(c.resolve("model.safetensors"), 9_000));
      all.put(
          "has 0 bytes|model.safetensors",
          c -> Checkpoints.cutOff(c.resolve("model.safetensors"), 0));
      all.put("is missing|trainer_state.json", c -> Files.delete(c.resolve("trainer_state.json")));
      all.put(
          "is broken|trainer_state.json",
          c -> Checkpoints.cutOff(c.resolve("trainer_state.json"), 200));
      all.put("is missing|global_step4", c -> Checkpoints.delete(c.resolve("global_step4")));
    }
    return all;
  }

  static Stream<Arguments> corpus() {
    return Stream.of(Layout.values())
        .flatMap(l -> damages(l).entrySet().stream().map(e -> Arguments.of(l, e.getKey())));
  }

  @ParameterizedTest(name = "{0}: {1}")
  @MethodSource("corpus")
  void theDamagedIsNeverChosenAndSaysWhy(Layout layout, String expected) throws IOException {
    Checkpoints.copy(originals.resolve(layout.word), dir.resolve("out"));
    Path newer = dir.resolve("out").resolve(layout.prefix + 4);
    assertThat(steps(inventory(layout))).as("before").containsExactly(4L, 2L);

    damages(layout).get(expected).to(newer);

    CheckpointInventory found = inventory(layout);
    assertThat(steps(found)).containsExactly(2L);
    assertThat(found.incomplete())
        .singleElement()
        .asString()
        .startsWith(layout.prefix + "4: ")
        .contains(expected.substring(0, expected.indexOf('|')))
        .contains(expected.substring(expected.lastIndexOf('/') + 1).replaceAll(".*\\|", ""));
    assertThat(scan.newest(dir.resolve("out"), layout.format))
        .hasValueSatisfying(c -> assertThat(c.step()).isEqualTo(2));
    assertThat(
            scan.problemOf(
                    new CompleteCheckpoint(newer.toString(), 4, 2), layout.format, OwnRanks.NONE)
                .isPresent())
        .isEqualTo(!expected.contains("random states"));
  }

  @ParameterizedTest
  @MethodSource("layouts")
  void whatIsDeletedMeanwhileHidesNothing(Layout layout) throws Exception {
    Checkpoints.copy(originals.resolve(layout.word), dir.resolve("out"));
    Path newer = dir.resolve("out").resolve(layout.prefix + 4);
    var deleter = Executors.newSingleThreadExecutor();
    try {
      for (int again = 0; again < 30; again++) {
        if (!Files.exists(newer)) {
          Checkpoints.copy(originals.resolve(layout.word).resolve(layout.prefix + 4), newer);
        }
        Future<?> deleted =
            deleter.submit(
                (Callable<Object>)
                    () -> {
                      rotate(newer);
                      return "";
                    });
        while (!deleted.isDone()) {
          assertThat(steps(inventory(layout))).as("while it goes").contains(2L);
        }
        deleted.get();
        assertThat(steps(inventory(layout))).containsExactly(2L);
      }
    } finally {
      deleter.shutdown();
    }
  }

  static Stream<Layout> layouts() {
    return Stream.of(Layout.values());
  }

  /** As Python's rmtree does it, slowly enough to be looked at. */
  private static void rotate(Path folder) throws IOException, InterruptedException {
    List<Path> all;
    try (Stream<Path> tree = Files.walk(folder)) {
      all = new ArrayList<>(tree.sorted(Comparator.reverseOrder()).toList());
    }
    for (Path path : all) {
      Files.delete(path);
      Thread.sleep(1);
    }
  }

  /** DeepSpeed alone: a script that loads without a tag must not follow it into nothing. */
  @Test
  void latestOfTheFolderIsNotTrusted() throws IOException {
    Checkpoints.copy(originals.resolve("plain"), dir.resolve("out"));
    Files.writeString(dir.resolve("out/latest"), "global_step6");

    assertThat(steps(inventory(Layout.PLAIN))).containsExactly(4L, 2L);
  }

  private CheckpointInventory inventory(Layout layout) throws IOException {
    return scan.inventory(dir.resolve("out"), layout.format);
  }

  private static List<Long> steps(CheckpointInventory found) {
    return found.complete().stream().map(CompleteCheckpoint::step).toList();
  }
}
