package io.lockstep.agent.host;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.OnExisting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Older checkpoints that rotation cannot take away. */
@NullUnmarked // JUnit fills the fields in
class KeptCheckpointsTest {
  private static final CheckpointFormat FORMAT = CheckpointFormat.DEEPSPEED;
  @TempDir Path dir;
  private final CheckpointScan scan = new CheckpointScan();
  private final KeptCheckpoints kept = new KeptCheckpoints(scan);

  private CompleteCheckpoint save(int step) throws IOException {
    Path folder = Files.createDirectories(dir.resolve("global_step" + step));
    zip(folder.resolve("mp_rank_00_model_states.pt"), step);
    zip(folder.resolve("zero_pp_rank_0_mp_rank_00_optim_states.pt"), step);
    return new CompleteCheckpoint(folder.toString(), step, 1);
  }

  private void keep(int older) throws IOException {
    kept.keep(dir, scan.newest(dir, FORMAT).orElseThrow(), settings(older));
  }

  private JobSpec.Checkpoint settings(int older) {
    return new JobSpec.Checkpoint(
        Optional.of(dir.toString()),
        true,
        Optional.empty(),
        FORMAT,
        OnExisting.AUTO,
        older,
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  private List<String> names(String folder) throws IOException {
    try (Stream<Path> list = Files.list(dir.resolve(folder))) {
      return list.map(p -> p.getFileName().toString()).sorted().toList();
    }
  }

  private List<String> found() throws IOException {
    return scan.inventory(dir, FORMAT).complete().stream()
        .map(c -> dir.relativize(Path.of(c.path())).toString())
        .toList();
  }

  @Test
  void oneOlderThanTheNewestOutlivesRotation() throws IOException {
    for (int step = 2; step <= 10; step += 2) {
      save(step);
      keep(1);
    }
    assertThat(names("lockstep-kept")).containsExactly("global_step10", "global_step8");
    assertThat(found())
        .as("no copy beside its original")
        .containsExactly("global_step10", "global_step8");

    for (int step = 2; step <= 8; step += 2) {
      Checkpoints.delete(dir.resolve("global_step" + step));
    }
    Checkpoints.cutOff(
        dir.resolve("global_step10/mp_rank_00_model_states.pt"), 10); // and so the kept one
    assertThat(found()).containsExactly("lockstep-kept/global_step8");
    assertThat(scan.inventory(dir, FORMAT).incomplete())
        .hasSize(2)
        .anyMatch(why -> why.startsWith("global_step10: "))
        .anyMatch(why -> why.startsWith("lockstep-kept/global_step10: "));
    CompleteCheckpoint chosen = scan.inventory(dir, FORMAT).complete().get(0);
    assertThat(scan.problemOf(chosen, FORMAT, OwnRanks.NONE)).isEmpty();
  }

  @Test
  void whatAnAgentThatDiedLeftIsDeletedWhenItIsOld() throws IOException {
    Path kept = Files.createDirectories(dir.resolve("lockstep-kept"));
    Path old = Files.createDirectories(kept.resolve(".dropped-global_step1"));
    Files.writeString(old.resolve("mp_rank_00_model_states.pt"), "x");
    Files.setLastModifiedTime(old, FileTime.from(Instant.now().minusSeconds(700)));
    Files.createDirectories(kept.resolve(".unfinished-global_step9"));

    save(2);
    keep(1);

    assertThat(names("lockstep-kept"))
        .as("another node's may be at work")
        .containsExactly(".unfinished-global_step9", "global_step2");
  }

  @Test
  void linksCostNothingAndAreDoneOnce() throws IOException {
    save(2);
    keep(1);
    Path original = dir.resolve("global_step2/mp_rank_00_model_states.pt");
    Path link = dir.resolve("lockstep-kept/global_step2/mp_rank_00_model_states.pt");
    assertThat(Files.isSameFile(original, link)).isTrue();
    Object folder = Files.getAttribute(link.getParent(), "unix:ino");

    keep(1);

    assertThat(Files.getAttribute(link.getParent(), "unix:ino")).isEqualTo(folder);
  }

  @Test
  void aLaterSaveUnderTheSameNameReplacesTheKept() throws IOException {
    save(2);
    keep(1);
    Checkpoints.delete(dir.resolve("global_step2"));
    save(2);
    keep(1);
    assertThat(
            Files.isSameFile(
                dir.resolve("global_step2/mp_rank_00_model_states.pt"),
                dir.resolve("lockstep-kept/global_step2/mp_rank_00_model_states.pt")))
        .isTrue();
    assertThat(names("lockstep-kept")).containsExactly("global_step2");
  }

  @Test
  void oneThatIsRotatedAwayMeanwhileIsNotKeptInHalf() throws IOException {
    CompleteCheckpoint newest = save(2);
    Files.delete(dir.resolve("global_step2/zero_pp_rank_0_mp_rank_00_optim_states.pt"));

    kept.keep(dir, newest, settings(1));

    assertThat(names("lockstep-kept")).isEmpty();
  }

  @Test
  void whatIsLeftOfAnInterruptedLinkIsDoneAnew() throws IOException {
    save(2);
    Files.createDirectories(dir.resolve("lockstep-kept/.unfinished-global_step2/odd"));
    keep(1);
    assertThat(names("lockstep-kept")).containsExactly("global_step2");
    assertThat(names("lockstep-kept/global_step2")).hasSize(2);
  }

  @Test
  void withoutTheWishNothingIsKept() throws IOException {
    save(2);
    keep(0);
    assertThat(dir.resolve("lockstep-kept")).doesNotExist();
    assertThat(KeptCheckpoints.problemOf(dir)).isEmpty();
    assertThat(names(".")).containsExactly("global_step2");
  }

  private static void zip(Path file, int step) throws IOException {
    try (var zip = new ZipOutputStream(Files.newOutputStream(file))) {
      zip.putNextEntry(new ZipEntry("archive/data.pkl"));
      zip.write(new byte[200 + step]);
    }
  }
}
