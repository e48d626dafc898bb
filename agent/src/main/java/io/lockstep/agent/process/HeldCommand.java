package io.lockstep.agent.process;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * Runs a program whose stdin stays open as long as it is wanted: the end of this process, also by a
 * kill, is the end of its stdin. What it started is killed with it.
 */
public final class HeldCommand {
  /** Of its output the end is kept. */
  static final int MAX_OUTPUT_BYTES = 64 << 10;

  private static final long LOOK_MILLIS = 50;
  private static final long KILL_LIMIT_MILLIS = 500;

  private HeldCommand() {}

  /** The exit code means something only for {@link LongCommand.End#EXITED}. */
  public record Result(LongCommand.End end, int exitCode, String output) {}

  /**
   * Runs with exactly this environment; blocks to its end.
   *
   * @param isWanted asked again and again; false ends it
   */
  public static Result run(
      List<String> argv, Map<String, String> env, Duration limit, BooleanSupplier isWanted)
      throws IOException, InterruptedException {
    Process process = CleanProcess.builder(argv, env).redirectErrorStream(true).start();
    var output = new StringBuilder();
    LongCommand.End end;
    try {
      end = await(process, System.nanoTime() + limit.toNanos(), isWanted, output);
    } finally {
      kill(process);
    }
    return new Result(
        end, end == LongCommand.End.EXITED ? process.exitValue() : -1, output.toString());
  }

  private static LongCommand.End await(
      Process process, long deadline, BooleanSupplier isWanted, StringBuilder output)
      throws IOException, InterruptedException {
    while (!process.waitFor(LOOK_MILLIS, TimeUnit.MILLISECONDS)) {
      read(process.getInputStream(), output);
      if (!isWanted.getAsBoolean()) {
        return LongCommand.End.UNWANTED;
      }
      if (System.nanoTime() - deadline > 0) {
        return LongCommand.End.LATE;
      }
    }
    read(process.getInputStream(), output);
    return LongCommand.End.EXITED;
  }

  /** What is there now: a grandchild that keeps the pipe open must not keep us reading. */
  private static void read(InputStream from, StringBuilder to) throws IOException {
    int there = Math.min(from.available(), MAX_OUTPUT_BYTES);
    to.append(new String(from.readNBytes(there), StandardCharsets.UTF_8));
    to.delete(0, Math.max(0, to.length() - MAX_OUTPUT_BYTES));
  }

  /** The parent first, or it would start others in the place of those that die. */
  private static void kill(Process process) throws InterruptedException {
    List<ProcessHandle> children = process.descendants().toList();
    process.destroyForcibly();
    children.forEach(ProcessHandle::destroyForcibly);
    process.waitFor(KILL_LIMIT_MILLIS, TimeUnit.MILLISECONDS);
  }
}
