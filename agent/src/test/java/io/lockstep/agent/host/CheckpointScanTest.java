package io.lockstep.agent.host;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.agent.Jobs;
import io.lockstep.agent.core.StartOrder;
import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.CheckpointInventory;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.LaunchSpec;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What passes for complete: checkpoints that DeepSpeed wrote, whole and broken, and small ones. */
@NullUnmarked // JUnit fills the fields in
class CheckpointScanTest {
  private static final Path REAL = Path.of("src/test/resources/checkpoints");
  @TempDir Path dir;
  private final CheckpointScan scan = new CheckpointScan();

  private Path real(int stage) throws IOException {
    try (var zip =
        new ZipInputStream(Files.newInputStream(REAL.resolve("zero" + stage + ".zip")))) {
      for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
        Path path = dir.resolve(entry.getName());
        Files.createDirectories(entry.isDirectory() ? path : path.getParent());
        if (!entry.isDirectory()) {
          Files.copy(zip, path, StandardCopyOption.REPLACE_EXISTING);
        }
      }
    }
    return dir.resolve("checkpoint-4");
  }

  private List<CompleteCheckpoint> complete(CheckpointFormat format) throws IOException {
    return scan.inventory(dir, format).complete();
  }

  private String why(CheckpointFormat format) throws IOException {
    var inventory = scan.inventory(dir, format);
    assertThat(inventory.complete()).isEmpty();
    return String.join("\n", inventory.incomplete());
  }

  private static void cutOff(Path file) throws IOException {
    try (var open = new RandomAccessFile(file.toFile(), "rw")) {
      open.setLength(open.length() - 100);
    }
  }

  private static List<Path> shards(Path checkpoint) throws IOException {
    try (Stream<Path> list = Files.list(checkpoint.resolve("global_step4"))) {
      return list.sorted().toList();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void whatDeepSpeedWroteIsComplete(int stage) throws IOException {
    Path checkpoint = real(stage);
    assertThat(complete(CheckpointFormat.HF_DEEPSPEED))
        .containsExactly(new CompleteCheckpoint(checkpoint.toString(), 4, 2));
    assertThat(scan.newest(dir, CheckpointFormat.HF_DEEPSPEED)).isPresent();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void withoutAnyOneShardItIsIncomplete(int stage) throws IOException {
    for (Path shard : shards(real(stage))) {
      Files.delete(shard);
      // Also the last rank's: how many there were is written in the model states.
      assertThat(why(CheckpointFormat.HF_DEEPSPEED)).as("without %s", shard).isNotBlank();
      real(stage);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void withAnyShardCutOffItIsIncomplete(int stage) throws IOException {
    for (Path shard : shards(real(stage))) {
      // Seen whole before: the memory of whole files must not hide what happened since.
      assertThat(complete(CheckpointFormat.HF_DEEPSPEED)).hasSize(1);
      cutOff(shard);
      assertThat(why(CheckpointFormat.HF_DEEPSPEED)).contains("cut off");
      real(stage);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"trainer_state.json", "latest", "model.safetensors"})
  void withoutAnyOtherPartItIsIncomplete(String part) throws IOException {
    Files.delete(real(2).resolve(part));
    assertThat(why(CheckpointFormat.HF_DEEPSPEED)).contains("missing");
  }

  @Test
  void whatThePartsSayMustAgree() throws IOException {
    Path checkpoint = real(2);
    Files.writeString(checkpoint.resolve("latest"), "global_step3");
    assertThat(why(CheckpointFormat.HF_DEEPSPEED)).contains("global_step3");

    real(2);
    Files.writeString(checkpoint.resolve("trainer_state.json"), "{\"global_step\": 3}");
    assertThat(why(CheckpointFormat.HF_DEEPSPEED)).contains("step 3");

    real(2);
    Files.writeString(checkpoint.resolve("trainer_state.json"), "{\"global_st");
    assertThat(why(CheckpointFormat.HF_DEEPSPEED)).contains("broken");

    real(2);
    Files.createFile(checkpoint.resolve("checkpoint-is-incomplete.txt"));
    assertThat(why(CheckpointFormat.HF_DEEPSPEED)).contains("marked");
    Files.delete(checkpoint.resolve("checkpoint-is-incomplete.txt"));

    real(2);
    cutOff(checkpoint.resolve("model.safetensors"));
    assertThat(why(CheckpointFormat.HF_DEEPSPEED)).contains("bytes, wanted");

    real(2);
    Files.copy(
        shards(checkpoint).get(0),
        checkpoint.resolve("global_step4/bf16_zero_pp_rank_2_mp_rank_00_optim_states.pt"));
    assertThat(why(CheckpointFormat.HF_DEEPSPEED)).contains("3 files, wanted 2");
  }

  @Test
  void aLossThatIsNoNumberDoesNotSpoilIt() throws IOException {
    Files.writeString(
        real(2).resolve("trainer_state.json"),
        "{\"global_step\": 4, \"log_history\": [{\"loss\": NaN}]}");
    assertThat(complete(CheckpointFormat.HF_DEEPSPEED)).hasSize(1);
  }

  @Test
  void withoutOneRandomStateItIsTakenOnlyForWantOfAnother() throws IOException {
    Path checkpoint = real(2);
    Path newer = copyOf(checkpoint, 6);
    Files.delete(newer.resolve("rng_state_1.pth"));

    var both = scan.inventory(dir, CheckpointFormat.HF_DEEPSPEED);
    assertThat(both.complete()).extracting(CompleteCheckpoint::step).containsExactly(4L);
    assertThat(both.incomplete())
        .containsExactly("checkpoint-6: rng_state_1.pth is missing: found 1 of 2 random states");
    assertThat(scan.newest(dir, CheckpointFormat.HF_DEEPSPEED).orElseThrow().step()).isEqualTo(4);

    Files.delete(checkpoint.resolve("latest"));
    var alone = scan.inventory(dir, CheckpointFormat.HF_DEEPSPEED);
    assertThat(alone.complete()).extracting(CompleteCheckpoint::step).containsExactly(6L);
    assertThat(alone.incomplete().get(0)).contains("for want of another");
    assertThat(
            scan.problemOf(alone.complete().get(0), CheckpointFormat.HF_DEEPSPEED, OwnRanks.NONE))
        .isEmpty();
  }

  @Test
  void anOlderWholeOneComesBeforeAnyWithoutARandomStateAndElseTheNewestOfThese()
      throws IOException {
    Path whole = real(2);
    Files.delete(copyOf(whole, 6).resolve("rng_state_0.pth"));
    Checkpoints.cutOff(copyOf(whole, 8).resolve("rng_state_1.pth"), 100);
    Files.delete(copyOf(whole, 9).resolve("latest"));

    assertThat(steps(scan.inventory(dir, CheckpointFormat.HF_DEEPSPEED))).containsExactly(4L);

    Path kept = Files.createDirectories(dir.resolve(KeptCheckpoints.FOLDER));
    Files.move(whole, kept.resolve("checkpoint-4"));
    assertThat(steps(scan.inventory(dir, CheckpointFormat.HF_DEEPSPEED)))
        .as("a kept one is one")
        .containsExactly(4L);

    Checkpoints.delete(kept);
    var wanting = scan.inventory(dir, CheckpointFormat.HF_DEEPSPEED);
    assertThat(steps(wanting)).containsExactly(8L);
    assertThat(wanting.incomplete())
        .filteredOn(why -> why.endsWith("; taken all the same, for want of another"))
        .singleElement()
        .asString()
        .startsWith("checkpoint-8: rng_state_1.pth");
  }

  private static List<Long> steps(CheckpointInventory found) {
    return found.complete().stream().map(CompleteCheckpoint::step).toList();
  }

  @Test
  void aRandomStateThatIsBrokenIsMovedAsideBeforeTheForkSinceTheTrainerWouldFailAtIt()
      throws IOException {
    Path checkpoint = real(2);
    Checkpoints.cutOff(checkpoint.resolve("rng_state_1.pth"), 0);
    CompleteCheckpoint taken = scan.inventory(dir, CheckpointFormat.HF_DEEPSPEED).complete().get(0);
    JobSpec job =
        Jobs.local(
            dir,
            "train.py",
            List.of(),
            2,
            Jobs.checkpointIn(dir, CheckpointFormat.HF_DEEPSPEED),
            Optional.empty());
    LaunchSpec launch = Jobs.alone(Jobs.fence(3), job, "disk", Optional.empty());

    assertThat(
            new StartChecks(dir.resolve("data"), scan)
                .run(launch, new StartOrder(29_500, Optional.of(taken), false)))
        .isEmpty();

    assertThat(checkpoint.resolve("rng_state_1.pth")).doesNotExist();
    assertThat(checkpoint.resolve("aside-3-rng_state_1.pth")).exists();
    assertThat(checkpoint.resolve("rng_state_0.pth")).exists();
    assertThat(steps(scan.inventory(dir, CheckpointFormat.HF_DEEPSPEED)))
        .as("the next attempt finds it as before")
        .containsExactly(4L);
  }

  @Test
  void aScriptThatKeepsNoRandomStatesNeedsNone() throws IOException {
    Path checkpoint = real(2);
    Files.delete(checkpoint.resolve("rng_state_0.pth"));
    Files.delete(checkpoint.resolve("rng_state_1.pth"));
    assertThat(scan.inventory(dir, CheckpointFormat.HF_DEEPSPEED).incomplete()).isEmpty();
    assertThat(complete(CheckpointFormat.HF_DEEPSPEED)).hasSize(1);
  }

  // node-local folders

  @ParameterizedTest
  @ValueSource(ints = {2, 3})
  void theShardsOfItsOwnRanksAreAPiece(int stage) throws IOException {
    Path checkpoint = real(stage);
    Files.delete(shard(checkpoint, 1));

    var ofFirst = scan.inventory(dir, CheckpointFormat.HF_DEEPSPEED, ranks(0));
    assertThat(ofFirst.complete())
        .containsExactly(new CompleteCheckpoint(checkpoint.toString(), 4, 2, true, false));
    assertThat(ofFirst.incomplete()).singleElement().asString().contains("rank_1_", "is missing");
    assertThat(scan.problemOf(ofFirst.complete().get(0), CheckpointFormat.HF_DEEPSPEED, ranks(0)))
        .isEmpty();
    assertThat(scan.newest(dir, CheckpointFormat.HF_DEEPSPEED, ranks(0))).isPresent();

    assertThat(scan.inventory(dir, CheckpointFormat.HF_DEEPSPEED, ranks(1)).complete()).isEmpty();
    assertThat(complete(CheckpointFormat.HF_DEEPSPEED)).isEmpty();
  }

  @Test
  void piecesDoNotHideTheWholeOneBehindThem() throws IOException {
    Path checkpoint = real(2);
    for (int step = 6; step < 30; step += 2) {
      Files.delete(shard(copyOf(checkpoint, step), 1));
    }

    var found = scan.inventory(dir, CheckpointFormat.HF_DEEPSPEED, ranks(0));

    assertThat(found.complete())
        .hasSize(7)
        .endsWith(new CompleteCheckpoint(checkpoint.toString(), 4, 2));
  }

  @Test
  void ofOthersRanksANodeLooksOnlyAtTheNames() throws IOException {
    Path checkpoint = real(2);
    cutOff(shard(checkpoint, 0));

    assertThat(scan.inventory(dir, CheckpointFormat.HF_DEEPSPEED, ranks(1)).complete()).hasSize(1);
    assertThat(scan.inventory(dir, CheckpointFormat.HF_DEEPSPEED, ranks(0)).complete()).isEmpty();
    Files.write(shard(checkpoint, 0), new byte[0]);
    assertThat(scan.inventory(dir, CheckpointFormat.HF_DEEPSPEED, ranks(1)).complete()).isEmpty();
  }

  /** A gang of two nodes with one worker each. */
  private static OwnRanks ranks(int node) {
    return new OwnRanks(node, 1, 2, node == 0);
  }

  private static Path shard(Path checkpoint, int rank) throws IOException {
    long step = Long.parseLong(checkpoint.getFileName().toString().substring(11));
    try (Stream<Path> list = Files.list(checkpoint.resolve("global_step" + step))) {
      return list.filter(p -> p.toString().contains("zero_pp_rank_" + rank))
          .filter(p -> p.toString().endsWith("optim_states.pt"))
          .findFirst()
          .orElseThrow();
    }
  }

  private Path copyOf(Path checkpoint, int step) throws IOException {
    Path copy = dir.resolve("checkpoint-" + step);
    Checkpoints.copy(checkpoint, copy);
    Files.move(copy.resolve("global_step4"), copy.resolve("global_step" + step));
    Files.writeString(copy.resolve("latest"), "global_step" + step);
    Files.writeString(copy.resolve("trainer_state.json"), "{\"global_step\": " + step + "}");
    return copy;
  }

  // the manifest

  @Test
  void withAManifestItIsCompleteExactlyWhenTheSizesAreThose() throws IOException {
    Path checkpoint = real(2);
    Checkpoints.writeManifest(checkpoint);
    assertThat(complete(CheckpointFormat.HF_DEEPSPEED)).hasSize(1);

    cutOff(shard(checkpoint, 1));
    long found = Files.size(shard(checkpoint, 1));
    assertThat(why(CheckpointFormat.HF_DEEPSPEED))
        .contains("optim_states.pt has " + found + " bytes, wanted " + (found + 100));

    real(2);
    Files.delete(checkpoint.resolve("config.json"));
    assertThat(why(CheckpointFormat.HF_DEEPSPEED)).contains("config.json is missing");

    real(2);
    Files.writeString(checkpoint.resolve(Manifest.FILE), "{\"files\": [");
    assertThat(why(CheckpointFormat.HF_DEEPSPEED)).contains("lockstep-manifest.json is broken");

    Files.writeString(
        checkpoint.resolve(Manifest.FILE),
        "{\"files\": [{\"name\": \"../../etc/passwd\", \"size\": 1}]}");
    assertThat(why(CheckpointFormat.HF_DEEPSPEED)).contains("lockstep-manifest.json is broken");
  }

  // another number of ranks

  @Test
  void aConvertedOneIsForAnotherNumberOfRanks() throws IOException {
    Path checkpoint = real(2);
    OwnRanks one = new OwnRanks(0, 1, 1, true);
    assertThat(scan.inventory(dir, CheckpointFormat.HF_DEEPSPEED, one).complete())
        .containsExactly(new CompleteCheckpoint(checkpoint.toString(), 4, 2));

    Path converted = Files.createDirectories(checkpoint.resolve("global_step4_universal/zero"));
    zip(converted.resolve("optimizer_state.pt"));
    Files.copy(
        checkpoint.resolve("global_step4/mp_rank_00_model_states.pt"),
        converted.resolveSibling("mp_rank_00_model_states.pt"));
    assertThat(scan.inventory(dir, CheckpointFormat.HF_DEEPSPEED, one).complete())
        .as("the tool has not finished")
        .noneMatch(CompleteCheckpoint::universal);

    Files.writeString(checkpoint.resolve("latest_universal"), "global_step4_universal");
    CompleteCheckpoint found =
        scan.inventory(dir, CheckpointFormat.HF_DEEPSPEED, one).complete().get(0);
    assertThat(found.universal()).isTrue();
    assertThat(scan.problemOf(found, CheckpointFormat.HF_DEEPSPEED, one)).isEmpty();
    assertThat(scan.inventory(dir, CheckpointFormat.HF_DEEPSPEED, ranks(0)).complete())
        .as("those that wrote it load their own shards")
        .noneMatch(CompleteCheckpoint::universal);

    Files.delete(converted.resolve("optimizer_state.pt"));
    assertThat(scan.problemOf(found, CheckpointFormat.HF_DEEPSPEED, one)).isPresent();
  }

  @Test
  void aBrokenNewestIsNamedAndTheOlderTaken() throws IOException {
    real(3);
    Files.createDirectories(dir.resolve("checkpoint-10"));
    Files.createDirectories(dir.resolve("checkpoint-9x"));
    Files.createDirectories(dir.resolve("aside-1-checkpoint-11"));
    var inventory = scan.inventory(dir, CheckpointFormat.HF_DEEPSPEED);
    assertThat(inventory.complete()).extracting(CompleteCheckpoint::step).containsExactly(4L);
    assertThat(inventory.incomplete()).hasSize(1).first().asString().startsWith("checkpoint-10:");
  }

  @Test
  void manyBrokenOnesDoNotHideTheWholeOne() throws IOException {
    real(3);
    for (int step = 10; step < 40; step++) {
      Files.createDirectories(dir.resolve("checkpoint-" + step));
    }
    var inventory = scan.inventory(dir, CheckpointFormat.HF_DEEPSPEED);
    assertThat(inventory.complete()).hasSize(1);
    assertThat(inventory.incomplete()).hasSize(8);
  }

  @Test
  void theNewestIsFoundAgainAsTrainingGoesOn() throws IOException {
    Path checkpoint = real(3);
    assertThat(scan.newest(dir, CheckpointFormat.HF_DEEPSPEED).orElseThrow().step()).isEqualTo(4);
    Path newer = Files.createDirectories(dir.resolve("checkpoint-6"));
    assertThat(scan.newest(dir, CheckpointFormat.HF_DEEPSPEED).orElseThrow().step()).isEqualTo(4);
    Files.delete(newer);
    Files.delete(checkpoint.resolve("trainer_state.json"));
    assertThat(scan.newest(dir, CheckpointFormat.HF_DEEPSPEED)).isEmpty();
  }

  @Test
  void deepSpeedsOwnFoldersNeedNoLatest() throws IOException {
    Path checkpoint = real(3);
    Files.move(checkpoint.resolve("global_step4"), dir.resolve("global_step4"));
    assertThat(complete(CheckpointFormat.DEEPSPEED))
        .containsExactly(new CompleteCheckpoint(dir.resolve("global_step4").toString(), 4, 2));
    Files.writeString(dir.resolve("latest"), "global_step9");
    assertThat(complete(CheckpointFormat.DEEPSPEED)).hasSize(1);
    cutOff(dir.resolve("global_step4/bf16_zero_pp_rank_1_mp_rank_00_optim_states.pt"));
    assertThat(why(CheckpointFormat.DEEPSPEED)).contains("cut off");
  }

  @Test
  void plainTrainerFoldersNeedTheirOptimizer() throws IOException {
    for (int step : new int[] {2, 4, 6}) {
      Path folder = Files.createDirectories(dir.resolve("checkpoint-" + step));
      Files.writeString(folder.resolve("trainer_state.json"), "{\"global_step\": " + step + "}");
      Files.writeString(
          folder.resolve("model.safetensors.index.json"),
          "{\"weight_map\": {\"a\": \"m-1.safetensors\", \"b\": \"m-2.safetensors\"}}");
      safetensors(folder.resolve("m-1.safetensors"), 16);
      safetensors(folder.resolve("m-2.safetensors"), 8);
      zip(folder.resolve("optimizer.pt"));
    }
    assertThat(complete(CheckpointFormat.HF))
        .extracting(CompleteCheckpoint::step)
        .containsExactly(6L, 4L);
    Files.delete(dir.resolve("checkpoint-6/m-2.safetensors"));
    Files.delete(dir.resolve("checkpoint-4/optimizer.pt"));
    assertThat(complete(CheckpointFormat.HF))
        .extracting(CompleteCheckpoint::step)
        .containsExactly(2L);
  }

  @Test
  void nothingThereIsNothing() throws IOException {
    assertThat(scan.inventory(dir.resolve("nowhere"), CheckpointFormat.HF).complete()).isEmpty();
    assertThat(scan.inventory(dir, CheckpointFormat.NONE).complete()).isEmpty();
  }

  @Test
  void theOwnersMarkIsRead() throws IOException {
    OwnerMark.write(dir, io.lockstep.agent.Jobs.fence(1).job(), "my llama");
    var owner = scan.inventory(dir, CheckpointFormat.HF).owner().orElseThrow();
    assertThat(owner.job()).isEqualTo("llama");
    assertThat(owner.name()).isEqualTo("my llama");
  }

  private static void zip(Path file) throws IOException {
    try (var zip = new ZipOutputStream(Files.newOutputStream(file))) {
      zip.putNextEntry(new ZipEntry("archive/data.pkl"));
      zip.write(new byte[200]);
    }
  }

  private static void safetensors(Path file, int dataBytes) throws IOException {
    byte[] header =
        ("{\"__metadata__\":{\"format\":\"pt\"},\"w\":{\"dtype\":\"U8\",\"shape\":["
                + dataBytes
                + "],\"data_offsets\":[0,"
                + dataBytes
                + "]}}")
            .getBytes(StandardCharsets.UTF_8);
    var bytes =
        ByteBuffer.allocate(Long.BYTES + header.length + dataBytes)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(header.length)
            .put(header);
    Files.write(file, bytes.array());
  }
}
