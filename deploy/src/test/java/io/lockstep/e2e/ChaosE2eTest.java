package io.lockstep.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;

/** The quick rows of deploy/chaos/run: hosts with networks of their own, which are cut in two. */
@DisabledIfSystemProperty(named = "slow.tests", matches = "false")
final class ChaosE2eTest {
  private static final Path DIR = Installation.freshFolder("chaos");
  private static final Path RUN = Path.of("chaos", "run").toAbsolutePath();
  private static final int CANNOT = 69;
  private static final long LIMIT_SECONDS = 600;

  /** Seconds that a busy machine may add to each limit; who trains when is judged without. */
  private static final int SLACK = 20;

  @Test
  void theQuickRowsHold() throws Exception {
    Path why = DIR.resolve("check.log");
    assumeTrue(run(why, "--check") != CANNOT, () -> read(why));

    Path said = DIR.resolve("rows.log");
    int exit =
        run(
            said,
            "--home",
            Installation.HOME.toString(),
            "--python",
            Installation.PYTHON,
            "--dir",
            DIR.toString(),
            "--slack",
            String.valueOf(SLACK));

    assertThat(exit).as(read(said)).isZero();
    assertThat(read(said)).contains("held", " 0 failed").doesNotContain("not run (");
  }

  private static int run(Path said, String... arguments) throws Exception {
    var command = new ArrayList<>(List.of(RUN.toString()));
    command.addAll(List.of(arguments));
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(said.toFile()).start();
    if (!process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
      process.destroyForcibly(); // takes with it all that it has started
      throw new AssertionError("%s took too long: %s".formatted(command, read(said)));
    }
    return process.exitValue();
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return "no output: " + e.getMessage();
    }
  }
}
