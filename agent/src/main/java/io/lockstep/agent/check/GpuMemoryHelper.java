package io.lockstep.agent.check;

import com.fasterxml.jackson.databind.JsonNode;
import io.lockstep.agent.process.BoundedCommand;
import io.lockstep.protocol.message.WireJson;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps one process at hand that reads the memory of GPUs, so that a restart need not start an
 * interpreter for it. It lives as long as the daemon: the end of its stdin is its own. One that
 * does not answer, or not sensibly, is killed; {@link #keep} starts the next one.
 */
public final class GpuMemoryHelper implements AutoCloseable {
  /** How long an answer may take beyond the wait that was asked for. */
  static final Duration ANSWER_LIMIT = Duration.ofSeconds(2);

  private static final Logger LOG = LoggerFactory.getLogger(GpuMemoryHelper.class);
  private static final int MAX_ANSWER_BYTES = 64 << 10;
  private static final long LOOK_MILLIS = 1;

  private final List<String> command;
  private final Map<String, String> env;
  private final Duration answerLimit;
  private final ReentrantLock asking = new ReentrantLock();
  private volatile @Nullable Process process;
  private volatile boolean closed;

  /** None is started yet. */
  public GpuMemoryHelper(String python, Path shim, Map<String, String> env) {
    this(python, shim, env, ANSWER_LIMIT);
  }

  GpuMemoryHelper(String python, Path shim, Map<String, String> env, Duration answerLimit) {
    this.command = List.of(python, "-IS", shim.resolve("gpumemory.py").toString());
    this.env = Map.copyOf(env);
    this.answerLimit = answerLimit;
  }

  /** Starts one where there is none; called every now and then, which bounds how many there are. */
  public void keep() {
    if (!asking.tryLock()) {
      return; // it is just being asked
    }
    try {
      Process now = process;
      // one that outlives its kill waits inside the driver: the next one would as well
      if (!closed && (now == null || !now.isAlive())) {
        process = start();
        if (closed) {
          end(process);
        }
      }
    } catch (IOException e) {
      LOG.warn("the reader of GPU memory cannot be started: {}", e.toString());
    } finally {
      asking.unlock();
    }
  }

  /**
   * One question; blocks up to {@code wait} and the limit of an answer. Empty where nobody answers
   * sensibly: then {@link #askAnew} does.
   */
  Optional<JsonNode> ask(String question, Duration wait) throws InterruptedException {
    if (!asking.tryLock()) {
      return Optional.empty();
    }
    try {
      Process now = process;
      return now == null || !now.isAlive() ? Optional.empty() : ask(now, question, wait);
    } finally {
      asking.unlock();
    }
  }

  /** The same by a process that is started for it. */
  BoundedCommand.Result askAnew(String question, Duration limit)
      throws IOException, InterruptedException {
    var argv = new ArrayList<>(command);
    argv.addAll(List.of(question.split(" ", -1)));
    return BoundedCommand.run(argv, env, limit);
  }

  /** Of the process at hand; empty where there is none. */
  Optional<Long> pid() {
    return Optional.ofNullable(process).filter(Process::isAlive).map(Process::pid);
  }

  private Process start() throws IOException {
    var argv = new ArrayList<>(command);
    argv.add("serve");
    var builder = new ProcessBuilder(argv).redirectError(ProcessBuilder.Redirect.DISCARD);
    builder.environment().clear();
    builder.environment().putAll(env);
    return builder.start();
  }

  private Optional<JsonNode> ask(Process now, String question, Duration wait)
      throws InterruptedException {
    Optional<JsonNode> answer = Optional.empty();
    String why = "no answer within " + wait.plus(answerLimit);
    try {
      now.getOutputStream().write((question + "\n").getBytes(StandardCharsets.UTF_8));
      now.getOutputStream().flush();
      Optional<String> line = line(now, wait.plus(answerLimit));
      if (line.isPresent()) {
        why = "it says " + GpuXml.shown(line.get());
        JsonNode said = WireJson.json().readTree(line.get());
        answer = Optional.of(said).filter(s -> s.path("held").isArray());
      }
    } catch (IOException e) {
      why = e.toString();
    } finally {
      if (answer.isEmpty()) { // what it may still say must not be taken for the next answer
        LOG.warn("the reader of GPU memory, pid {}, is ended: {}", now.pid(), why);
        now.destroyForcibly();
      }
    }
    return answer;
  }

  /** Looks again and again: a read that blocks could not be given up. */
  private static Optional<String> line(Process now, Duration limit)
      throws IOException, InterruptedException {
    InputStream from = now.getInputStream();
    var text = new StringBuilder();
    long began = System.nanoTime();
    while (System.nanoTime() - began < limit.toNanos() && text.length() < MAX_ANSWER_BYTES) {
      boolean alive = now.isAlive();
      int there = from.available();
      if (there > 0) {
        text.append(
            new String(
                from.readNBytes(Math.min(there, MAX_ANSWER_BYTES)), StandardCharsets.ISO_8859_1));
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

  @Override
  public void close() {
    closed = true;
    end(process);
  }

  private static void end(@Nullable Process process) {
    if (process != null) {
      process.destroyForcibly();
    }
  }
}
