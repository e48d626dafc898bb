package io.lockstep.agent.process;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A process that answers a line on its stdin by a line on its stdout, as often as it is asked. The
 * end of this one, also by a kill, is the end of its stdin.
 */
public final class AnsweringProcess {
  private static final int MAX_ANSWER_BYTES = 64 << 10;
  private static final long LOOK_MILLIS = 1;

  private final Process process;

  private AnsweringProcess(Process process) {
    this.process = process;
  }

  /** With exactly this environment; what it says on stderr is dropped. */
  public static AnsweringProcess start(List<String> argv, Map<String, String> env)
      throws IOException {
    return new AnsweringProcess(
        CleanProcess.builder(argv, env).redirectError(ProcessBuilder.Redirect.DISCARD).start());
  }

  public boolean isAlive() {
    return process.isAlive();
  }

  public long pid() {
    return process.pid();
  }

  /** What was not answered before must not be asked again: {@link #end} it then. */
  public Optional<String> ask(String line, Duration limit)
      throws IOException, InterruptedException {
    process.getOutputStream().write((line + "\n").getBytes(StandardCharsets.UTF_8));
    process.getOutputStream().flush();
    return answer(limit);
  }

  /** Looks again and again: a read that blocks could not be given up. */
  private Optional<String> answer(Duration limit) throws IOException, InterruptedException {
    InputStream from = process.getInputStream();
    var text = new StringBuilder();
    long began = System.nanoTime();
    while (System.nanoTime() - began < limit.toNanos() && text.length() < MAX_ANSWER_BYTES) {
      boolean alive = process.isAlive();
      int there = Math.min(from.available(), MAX_ANSWER_BYTES);
      if (there > 0) {
        text.append(new String(from.readNBytes(there), StandardCharsets.ISO_8859_1));
        if (text.charAt(text.length() - 1) == '\n') {
          return Optional.of(text.toString());
        }
      } else if (!alive) {
        break;
      } else {
        Thread.sleep(LOOK_MILLIS);
      }
    }
    return Optional.empty();
  }

  /** Kills it; one that waits inside the kernel outlives that. */
  public void end() {
    process.destroyForcibly();
  }
}
