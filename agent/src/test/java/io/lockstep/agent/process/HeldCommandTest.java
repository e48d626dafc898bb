package io.lockstep.agent.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A program that is held by its stdin, and ended with all that it started. */
@NullUnmarked // JUnit fills the fields in
class HeldCommandTest {
  private static final Duration LONG = Duration.ofSeconds(30);
  private static final Map<String, String> ENV = Map.of("PATH", "/usr/bin:/bin");

  private static final String WITH_A_CHILD = "sleep 600 & echo $! > child; wait";

  @TempDir Path dir;

  @Test
  void itsOutputAndExitCodeAreTold() throws Exception {
    HeldCommand.Result said = run("echo one; echo two >&2; exit 3", LONG, true);

    assertThat(said).isEqualTo(new HeldCommand.Result(LongCommand.End.EXITED, 3, "one\ntwo\n"));
  }

  @Test
  void itsStdinIsOpenAsLongAsItRuns() throws Exception {
    // cat ends with its stdin; 124 says that it did not
    HeldCommand.Result said = run("timeout 0.5 cat; echo $?", LONG, true);

    assertThat(said.output()).isEqualTo("124\n");
  }

  @Test
  void ofMuchOutputTheEndIsKept() throws Exception {
    HeldCommand.Result said = run("head -c 300000 /dev/zero; echo end", LONG, true);

    assertThat(said.output())
        .hasSizeLessThanOrEqualTo(HeldCommand.MAX_OUTPUT_BYTES)
        .endsWith("end\n");
  }

  @Test
  void atItsLimitItIsKilledWithItsChildren() throws Exception {
    HeldCommand.Result said = run(WITH_A_CHILD, Duration.ofSeconds(1), true);

    assertThat(said.end()).isEqualTo(LongCommand.End.LATE);
    childIsGone();
  }

  @Test
  void whenItIsNotWantedItIsKilledWithItsChildren() throws Exception {
    HeldCommand.Result said = run(WITH_A_CHILD, LONG, false);

    assertThat(said.end()).isEqualTo(LongCommand.End.UNWANTED);
    childIsGone();
  }

  private void childIsGone() throws Exception {
    long pid = Long.parseLong(Files.readString(dir.resolve("child")).strip());
    for (int i = 0; i < 100 && ProcessScan.isAlive(pid, "sleep"); i++) {
      Thread.sleep(20);
    }
    assertThat(ProcessScan.isAlive(pid, "sleep")).isFalse();
  }

  /** Unwanted only once the child is there. */
  private HeldCommand.Result run(String script, Duration limit, boolean isWanted) throws Exception {
    return HeldCommand.run(
        List.of("/bin/sh", "-c", "cd " + dir + "; " + script),
        ENV,
        limit,
        () -> isWanted || dir.resolve("child").toFile().length() == 0);
  }
}
