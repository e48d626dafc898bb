package io.lockstep.agent.process;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** Runs a short command to its end, or ends it; its output is bounded. */
public final class BoundedCommand {
  private static final int MAX_OUTPUT_BYTES = 1 << 20;
  private static final long KILL_LIMIT_MILLIS = 500;

  private BoundedCommand() {}

  /**
   * How it ended; {@code timedOut} means that it was killed.
   *
   * @param left the process, where it outlives its kill: it waits inside the kernel
   */
  public record Result(
      int exitCode, boolean timedOut, String stdout, String stderr, Optional<ProcessHandle> left) {
    public boolean isSuccess() {
      return !timedOut && exitCode == 0;
    }
  }

  /** Runs with exactly this environment; blocks up to {@code limit}. */
  public static Result run(List<String> argv, Map<String, String> env, Duration limit)
      throws IOException, InterruptedException {
    // Files, not pipes: a grandchild that keeps a pipe open must not keep us reading.
    Path out = Files.createTempFile("lockstep", ".out");
    Path err = Files.createTempFile("lockstep", ".err");
    try {
      var builder =
          CleanProcess.builder(argv, env)
              .redirectInput(new java.io.File("/dev/null"))
              .redirectOutput(out.toFile())
              .redirectError(err.toFile());
      Process process = builder.start();
      boolean ended = false;
      try {
        ended = process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS);
      } finally {
        if (!ended) {
          process.destroyForcibly();
        }
      }
      boolean gone = ended || process.waitFor(KILL_LIMIT_MILLIS, TimeUnit.MILLISECONDS);
      return new Result(
          ended ? process.exitValue() : -1,
          !ended,
          read(out),
          read(err),
          gone ? Optional.empty() : Optional.of(process.toHandle()));
    } finally {
      Files.deleteIfExists(out);
      Files.deleteIfExists(err);
    }
  }

  private static String read(Path file) throws IOException {
    try (var in = Files.newInputStream(file)) {
      return new String(in.readNBytes(MAX_OUTPUT_BYTES), StandardCharsets.UTF_8);
    }
  }
}
