package io.lockstep.agent.check;

import com.fasterxml.jackson.databind.JsonNode;
import io.lockstep.agent.process.AnsweringProcess;
import io.lockstep.agent.process.BoundedCommand;
import io.lockstep.protocol.message.WireJson;
import java.io.IOException;
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

  private final List<String> command;
  private final Map<String, String> env;
  private final Duration answerLimit;
  private final ReentrantLock asking = new ReentrantLock();
  private volatile @Nullable AnsweringProcess process;
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
      AnsweringProcess now = process;
      // one that outlives its kill waits inside the driver: the next one would as well
      if (!closed && (now == null || !now.isAlive())) {
        var argv = new ArrayList<>(command);
        argv.add("serve");
        process = AnsweringProcess.start(argv, env);
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
      AnsweringProcess now = process;
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
    return Optional.ofNullable(process)
        .filter(AnsweringProcess::isAlive)
        .map(AnsweringProcess::pid);
  }

  private Optional<JsonNode> ask(AnsweringProcess now, String question, Duration wait)
      throws InterruptedException {
    Optional<JsonNode> answer = Optional.empty();
    String why = "no answer within " + wait.plus(answerLimit);
    try {
      Optional<String> line = now.ask(question, wait.plus(answerLimit));
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
        now.end();
      }
    }
    return answer;
  }

  @Override
  public void close() {
    closed = true;
    end(process);
  }

  private static void end(@Nullable AnsweringProcess process) {
    if (process != null) {
      process.end();
    }
  }
}
