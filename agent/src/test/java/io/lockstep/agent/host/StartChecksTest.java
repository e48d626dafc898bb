package io.lockstep.agent.host;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.agent.Jobs;
import io.lockstep.agent.core.StartOrder;
import io.lockstep.agent.process.GroupFolder;
import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.LaunchSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is done to a checkpoint folder just before the fork. */
@NullUnmarked // JUnit fills the fields in
class StartChecksTest {
  @TempDir Path dir;

  private Path step(int step, boolean whole) throws IOException {
    Path folder = Files.createDirectories(dir.resolve("global_step" + step));
    if (whole) {
      zip(folder.resolve("mp_rank_00_model_states.pt"));
      zip(folder.resolve("zero_pp_rank_0_mp_rank_00_optim_states.pt"));
    }
    return folder;
  }

  private void start(Optional<CompleteCheckpoint> resume) {
    JobSpec job =
        Jobs.local(
            dir,
            "train.py",
            List.of(),
            1,
            Jobs.checkpointIn(dir, CheckpointFormat.DEEPSPEED),
            Optional.empty());
    LaunchSpec launch = Jobs.alone(Jobs.fence(1), job, "disk", job.zero().get().json());
    assertThat(
            new StartChecks(dir.resolve("data"), new CheckpointScan())
                .run(launch, new StartOrder(29_500, resume, false)))
        .isEmpty();
  }

  @Test
  void whatIsNewerThanTheChosenIsMovedAsideAndLatestNamesTheChosen() throws IOException {
    Path chosen = step(4, true);
    step(6, false);
    Files.writeString(dir.resolve("latest"), "global_step6");

    start(Optional.of(new CompleteCheckpoint(chosen.toString(), 4, 1)));

    assertThat(dir.resolve("global_step6")).doesNotExist();
    assertThat(dir.resolve("aside-1-global_step6")).isDirectory();
    assertThat(dir.resolve("latest")).hasContent("global_step4");
    assertThat(dir.resolve("aside-1-latest")).hasContent("global_step6");
  }

  @Test
  void aKeptOneIsNamedWithItsFolderAndItsOriginalIsNotFound() throws IOException {
    Path chosen = Files.createDirectories(dir.resolve("lockstep-kept/global_step4"));
    zip(chosen.resolve("mp_rank_00_model_states.pt"));
    zip(chosen.resolve("zero_pp_rank_0_mp_rank_00_optim_states.pt"));
    step(4, false);
    Files.writeString(dir.resolve("latest"), "global_step4");

    start(Optional.of(new CompleteCheckpoint(chosen.toString(), 4, 1)));

    assertThat(dir.resolve("aside-1-global_step4")).isDirectory();
    assertThat(dir.resolve("latest")).hasContent("lockstep-kept/global_step4");
    assertThat(chosen).isDirectory();
  }

  @Test
  void onAFreshStartLatestNamesNothing() throws IOException {
    step(6, false);
    Files.writeString(dir.resolve("latest"), "global_step6");

    start(Optional.empty());

    assertThat(dir.resolve("latest")).doesNotExist();
    assertThat(dir.resolve("aside-1-latest")).hasContent("global_step6");
  }

  @Test
  void aLatestThatIsThereIsTheUsers() throws IOException {
    Path chosen = step(4, true);
    Files.createDirectories(dir.resolve("best"));
    Files.writeString(dir.resolve("latest"), "best\n");

    start(Optional.of(new CompleteCheckpoint(chosen.toString(), 4, 1)));

    assertThat(dir.resolve("latest")).hasContent("best\n");
    assertThat(dir.resolve("aside-1-latest")).doesNotExist();
  }

  @Test
  void aConvertedOneIsLoadedByTheConfiguration() throws IOException {
    Path chosen = step(4, true);
    Path zero = GroupFolder.of(dir.resolve("data"), Jobs.fence(1)).zero();
    Files.createDirectories(zero.getParent());
    Path converted = Files.createDirectories(dir.resolve("global_step4_universal/zero"));
    zip(converted.resolve("optimizer_state.pt"));
    zip(converted.resolveSibling("mp_rank_00_model_states.pt"));
    Files.writeString(dir.resolve("latest_universal"), "global_step4_universal");

    start(Optional.of(new CompleteCheckpoint(chosen.toString(), 4, 1)));
    assertThat(zero).doesNotExist();
    start(Optional.of(new CompleteCheckpoint(chosen.toString(), 4, 1, false, true)));

    assertThat(zero).hasContent("{\"checkpoint\":{\"load_universal\":true}}");
  }

  private static void zip(Path file) throws IOException {
    try (var zip = new ZipOutputStream(Files.newOutputStream(file))) {
      zip.putNextEntry(new ZipEntry("archive/data.pkl"));
      zip.write(new byte[200]);
    }
  }
}
