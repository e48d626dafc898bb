package io.lockstep.agent.process;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** Runs a command that may take hours, with its output in a file; ends it when it must. */
public final class LongCommand {
  private static final Duration LOOK = Duration.ofMillis(500);

  private LongCommand() {}

  /** How it ended. */
  public enum End {
    /** By itself; see the exit code. */
    EXITED,
    /** It took longer than the limit and was killed. */
    LATE,
    /** It was not wanted any more and was killed. */
    UNWANTED
  }

  /** The exit code means something only for {@link End#EXITED}. */
  public record Result(End end, int exitCode) {}

  /**
   * Runs with exactly this environment; blocks to its end. What it started is killed with it.
   *
   * @param isWanted asked twice a second; false ends it
   */
  public static Result run(
      List<String> argv,
      Map<String, String> env,
      Path cwd,
      Path log,
      Duration limit,
      BooleanSupplier isWanted)
      throws IOException, InterruptedException {
    var builder =
        CleanProcess.builder(argv, env)
            .directory(cwd.toFile())
            .redirectErrorStream(true)
            .redirectInput(new File("/dev/null"))
            .redirectOutput(log.toFile());
    Process process = builder.start();
    try {
      long deadline = System.nanoTime() + limit.toNanos();
      while (!process.waitFor(LOOK.toMillis(), TimeUnit.MILLISECONDS)) {
        if (!isWanted.getAsBoolean()) {
          return new Result(End.UNWANTED, -1);
        }
        if (System.nanoTime() > deadline) {
          return new Result(End.LATE, -1);
        }
      }
      return new Result(End.EXITED, process.exitValue());
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
  }
}
