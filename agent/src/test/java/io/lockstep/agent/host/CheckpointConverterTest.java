package io.lockstep.agent.host;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.agent.Jobs;
import io.lockstep.agent.process.GroupFolder;
import io.lockstep.agent.process.ProcessScan;
import io.lockstep.agent.process.TorchrunCommand;
import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.ConversionStatus;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.OnExisting;
import io.lockstep.protocol.model.OnResize;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The conversion as a process, with a small program in DeepSpeed's place. */
@NullUnmarked // JUnit fills the fields in
class CheckpointConverterTest {
  /** As the tool: shards into its output folder, the mark beside it last. */
  private static final String CONVERTS =
      """
      #!/bin/sh
      echo "$*" >> %1$s/called
      mkdir -p "$7/zero" && cp %1$s/some.pt "$7/mp_rank_00_model_states.pt"
      cp %1$s/some.pt "$7/zero/optimizer_state.pt"
      printf %%s "$(basename "$7")" > "$(dirname "$7")/latest_universal"
      """;

  private static final String PREFIX = "converter-test-" + ProcessHandle.current().pid();

  @TempDir Path dir;
  private CompleteCheckpoint checkpoint;
  private final ConversionWatch watch = new ConversionWatch();

  @BeforeEach
  void aCheckpoint() throws IOException {
    Path folder = Files.createDirectories(dir.resolve("out/global_step4"));
    checkpoint = new CompleteCheckpoint(folder.toString(), 4, 2);
    try (var zip = new ZipOutputStream(Files.newOutputStream(dir.resolve("some.pt")))) {
      zip.putNextEntry(new ZipEntry("archive/data.pkl"));
      zip.write(new byte[200]);
    }
  }

  private Optional<Reason> convert(String program, Duration limit, BooleanSupplier isWanted)
      throws IOException {
    Path python = Files.writeString(dir.resolve("python"), program.formatted(dir));
    Files.setPosixFilePermissions(python, PosixFilePermissions.fromString("rwxr-xr-x"));
    JobSpec job =
        Jobs.local(
            dir,
            "train.py",
            List.of(),
            1,
            new JobSpec.Checkpoint(
                Optional.of(dir.resolve("out").toString()),
                true,
                Optional.empty(),
                CheckpointFormat.DEEPSPEED,
                OnExisting.AUTO,
                0,
                Optional.of(OnResize.UNIVERSAL),
                Optional.empty(),
                Optional.of(limit)),
            Optional.of(python.toString()));
    LaunchSpec launch = Jobs.alone(Jobs.fence(1), job, "disk", Optional.of("{}"));
    GroupFolder folder = GroupFolder.of(dir.resolve("data"), launch.fence());
    Files.createDirectories(folder.path());
    var like =
        new TorchrunCommand(
            List.of(python.toString()),
            Map.of("PATH", "/usr/bin:/bin", "LOCKSTEP_GROUP", mark()),
            dir.toString(),
            python.toString(),
            "marker");
    return new CheckpointConverter(new ProcessScan(PREFIX), watch)
        .convert(launch, checkpoint, like, folder, isWanted);
  }

  private static String mark() {
    return "%s/%d/%s/%d"
        .formatted(
            PREFIX, Jobs.fence(1).plan(), Jobs.fence(1).job(), Jobs.fence(1).attempt().number());
  }

  private void nothingIsLeft() {
    assertThat(dir.resolve("out/global_step4_universal")).doesNotExist();
    assertThat(dir.resolve("out/latest_universal")).doesNotExist();
    assertThat(dir.resolve("out/.lockstep-converting-1")).doesNotExist();
  }

  @Test
  void whatWasConvertedTakesItsPlaceAndIsNotConvertedAgain() throws IOException {
    assertThat(convert(CONVERTS, Duration.ofMinutes(1), () -> true)).isEmpty();
    assertThat(convert(CONVERTS, Duration.ofMinutes(1), () -> true)).isEmpty();

    assertThat(Files.readAllLines(dir.resolve("called")))
        .singleElement()
        .asString()
        .startsWith("-m deepspeed.checkpoint.ds_to_universal --inject_missing_state")
        .contains("--input_folder " + checkpoint.path() + " ");
    assertThat(dir.resolve("out/latest_universal")).hasContent("global_step4_universal");
    assertThat(dir.resolve("out/.lockstep-converting-1")).doesNotExist();
  }

  @Test
  void howFarItIsIsSeenByTheFilesThatItHasWritten() throws Exception {
    Files.write(dir.resolve("out/global_step4/x_rank_0_optim_states.pt"), new byte[3_000]);
    Files.write(dir.resolve("out/global_step4/x_rank_1_optim_states.pt"), new byte[3_000]);
    String slow =
        """
        #!/bin/sh
        mkdir -p "$7/tmp/a.weight/0" "$7/tmp/b.weight/0" "$7/tmp/c.bias/0"; touch %1$s/apart
        while [ ! -e %1$s/goOn ]; do sleep 0.05; done
        mkdir -p "$7/zero/a.weight"; head -c 500 /dev/zero > "$7/zero/a.weight/fp32.pt"
        touch %1$s/merging; while [ ! -e %1$s/end ]; do sleep 0.05; done
        """;
    var conversion =
        CompletableFuture.runAsync(
            () -> {
              try {
                convert(slow, Duration.ofMinutes(1), () -> true);
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
    appears("apart");
    assertThat(watch.isDue()).isTrue();
    assertThat(watch.last(Jobs.fence(1))).isEmpty();
    watch.look();
    assertThat(watch.last(Jobs.fence(1))).contains(new ConversionStatus(false, 0, 3, 0, 6_000));
    assertThat(watch.last(Jobs.fence(2))).isEmpty();
    assertThat(watch.isDue()).as("it was just looked at").isFalse();

    Files.createFile(dir.resolve("goOn"));
    appears("merging");
    watch.look();
    assertThat(watch.last(Jobs.fence(1))).contains(new ConversionStatus(true, 1, 3, 500, 6_000));

    Files.createFile(dir.resolve("end"));
    conversion.join();
    assertThat(watch.last(Jobs.fence(1))).isEmpty();
    watch.look();
    assertThat(watch.isDue()).isFalse();
  }

  private void appears(String file) throws InterruptedException {
    for (int i = 0; i < 1_000 && !Files.exists(dir.resolve(file)); i++) {
      Thread.sleep(20);
    }
    assertThat(dir.resolve(file)).exists();
  }

  @Test
  void whatABrokenConversionLeftIsMovedAside() throws IOException {
    Files.createDirectories(dir.resolve("out/global_step4_universal/tmp"));

    assertThat(convert(CONVERTS, Duration.ofMinutes(1), () -> true)).isEmpty();

    assertThat(dir.resolve("out/aside-1-1-global_step4_universal/tmp")).isDirectory();
  }

  @Test
  void whatADaemonThatDiedLeftAtWorkIsEndedBeforeAndItsRoomGoes() throws Exception {
    var builder = new ProcessBuilder("/bin/sleep", "600");
    builder.environment().put("LOCKSTEP_GROUP", mark());
    Process left = builder.start();
    Files.createDirectories(dir.resolve("out/.lockstep-converting-0/zero"));
    Files.createDirectories(dir.resolve("out/.lockstep-converting-7/zero"));

    assertThat(convert(CONVERTS, Duration.ofMinutes(1), () -> true)).isEmpty();

    assertThat(left.isAlive()).isFalse();
    assertThat(dir.resolve("out/.lockstep-converting-0")).doesNotExist();
    assertThat(dir.resolve("out/.lockstep-converting-7")).as("of a later order").isDirectory();
  }

  @Test
  void oneThatWasThereBeforeItIsLeftAlone() throws IOException {
    String slow =
        CONVERTS
            + "cp -r \"$7\" %1$s/out/ && cp \"$(dirname \"$7\")/latest_universal\" %1$s/out/\n";

    assertThat(convert(slow, Duration.ofMinutes(1), () -> true)).isEmpty();

    assertThat(dir.resolve("out/global_step4_universal/zero")).isDirectory();
    assertThat(dir.resolve("out/aside-1-1-global_step4_universal")).doesNotExist();
  }

  @Test
  void itsEndIsInTheReason() throws IOException {
    Optional<Reason> problem =
        convert("#!/bin/sh\necho no such state >&2; exit 3\n", Duration.ofMinutes(1), () -> true);

    assertThat(problem.orElseThrow().code()).isEqualTo(ReasonCode.CONVERSION_FAILED);
    assertThat(problem.get().message())
        .contains("it ended with code 3", "no such state", "convert.log");
    nothingIsLeft();
  }

  @Test
  void oneThatTakesTooLongIsEnded() throws IOException {
    Optional<Reason> problem =
        convert("#!/bin/sh\nsleep 600 & wait\n", Duration.ofMillis(700), () -> true);

    assertThat(problem.orElseThrow().message()).contains("did not end within");
    nothingIsLeft();
  }

  @Test
  void oneWhoseAttemptIsOverIsEnded() throws IOException {
    Optional<Reason> problem =
        convert("#!/bin/sh\nsleep 600 & wait\n", Duration.ofHours(1), () -> false);

    assertThat(problem.orElseThrow().message()).contains("its attempt is over");
    nothingIsLeft();
  }

  @Test
  void whatIsNotWholeIsNotTaken() throws IOException {
    Optional<Reason> problem =
        convert(
            CONVERTS.replace("cp %1$s/some.pt \"$7/zero", ": > \"$7/zero"),
            Duration.ofMinutes(1),
            () -> true);

    assertThat(problem.orElseThrow().message()).contains("is not whole");
  }
}
