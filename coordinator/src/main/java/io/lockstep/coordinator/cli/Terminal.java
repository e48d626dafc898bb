package io.lockstep.coordinator.cli;

import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

/**
 * Where the command runs: its streams, its environment, and whether a person looks on.
 *
 * @param interactive true when stdout is a terminal that can be redrawn
 * @param sleeper waits; a test makes it short
 */
public record Terminal(
    InputStream in,
    PrintStream out,
    PrintStream err,
    Map<String, String> env,
    Path folder,
    boolean interactive,
    Sleeper sleeper) {
  /** Width where nobody says another. */
  public static final int DEFAULT_WIDTH = 80;

  private static final int MIN_WIDTH = 40;
  private static final int MAX_WIDTH = 400;

  /** Waits. */
  public interface Sleeper {
    void sleep(Duration duration) throws InterruptedException;
  }

  /** This process's own. */
  public static Terminal ofProcess() {
    return new Terminal(
        System.in,
        utf8(FileDescriptor.out),
        utf8(FileDescriptor.err),
        System.getenv(),
        Path.of("").toAbsolutePath(),
        isTerminal(),
        duration -> Thread.sleep(duration.toMillis()));
  }

  int width() {
    String columns = env.getOrDefault("COLUMNS", "");
    if (!interactive || !columns.matches("[1-9][0-9]{0,4}")) {
      return DEFAULT_WIDTH;
    }
    return Math.max(MIN_WIDTH, Math.min(MAX_WIDTH, Integer.parseInt(columns)));
  }

  /** True when words may be colored: a terminal, and nobody asked otherwise (no-color.org). */
  boolean isColored() {
    return interactive
        && env.getOrDefault("NO_COLOR", "").isEmpty()
        && !env.getOrDefault("TERM", "").equals("dumb");
  }

  /** Talk, one line. */
  void say(String line) {
    err.println(Text.printable(line));
    err.flush();
  }

  /** Waits; ends the command when nobody reads its output any more, as in a pipe to head. */
  void sleep(Duration duration) throws InterruptedException {
    if (out.checkError()) {
      throw new UncheckedIOException(new IOException("stdout is closed"));
    }
    sleeper.sleep(duration);
  }

  // Names of jobs may be Chinese, and a host without a locale must still print them.
  private static PrintStream utf8(FileDescriptor descriptor) {
    return new PrintStream(
        new BufferedOutputStream(new FileOutputStream(descriptor)), false, StandardCharsets.UTF_8);
  }

  // System.console() says whether stdin and stdout are terminals, and on JDK 22+ nothing at all.
  private static boolean isTerminal() {
    try {
      String target = Files.readSymbolicLink(Path.of("/proc/self/fd/1")).toString();
      return target.startsWith("/dev/pts/")
          || target.startsWith("/dev/tty")
          || target.equals("/dev/console");
    } catch (IOException | UnsupportedOperationException e) {
      return false;
    }
  }
}
