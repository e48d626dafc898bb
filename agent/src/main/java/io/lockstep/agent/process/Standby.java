package io.lockstep.agent.process;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lockstep.protocol.message.WireJson;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A shim that is there before its fence, with a warm pool; it ends with this object unless it was
 * adopted. Used by one thread.
 */
final class Standby implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Standby.class);
  private static final ObjectMapper JSON = WireJson.json();

  private static final Duration ADOPTION_LIMIT = Duration.ofSeconds(10);
  private static final Duration END_LIMIT = Duration.ofSeconds(3);
  private static final int MAX_UNREAD_LINES = 64;

  /** Room for the mark of its fence, which /proc then shows: see mark.py. */
  private static final int ROOM_BYTES = 2_048;

  private final String job;
  private final Process process;
  private final BlockingQueue<JsonNode> answers = new ArrayBlockingQueue<>(MAX_UNREAD_LINES);
  private volatile State state = State.LOADING;

  /** How far its warm pool is. */
  enum State {
    LOADING,
    READY,
    /** It is of no use, and ends by itself. */
    FAILED
  }

  /**
   * What came of an adoption.
   *
   * @param whyNot why there is no shim, or why it has no pool yet; else empty
   * @param stays whether it may still become the shim of a later one
   */
  record Adoption(Optional<JsonNode> shim, String whyNot, boolean stays) {}

  private Standby(String job, Process process) {
    this.job = job;
    this.process = process;
  }

  /**
   * Starts one and does not wait for it.
   *
   * @param spec what the shim of the attempt that runs now was given
   * @param log where it and the imports write
   */
  static Standby start(String job, String python, Path shim, Path spec, Path log)
      throws IOException {
    var env = new LinkedHashMap<>(System.getenv());
    // Not the mark of any fence: it has none, and must outlive those that end now.
    env.remove("LOCKSTEP_GROUP");
    env.put("LOCKSTEP_ROOM", "-".repeat(ROOM_BYTES));
    var builder =
        CleanProcess.builder(
                List.of(python, "-I", shim.toString(), "--standby", spec.toString()), env)
            .redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()));
    var standby = new Standby(job, builder.start());
    var reader = new Thread(standby::read, "standby-" + job);
    reader.setDaemon(true);
    reader.start();
    return standby;
  }

  State state() {
    return state;
  }

  long pid() {
    return process.pid();
  }

  /**
   * Makes it the shim of this fence; blocks up to 10 s. Adopted, it ends no more with this. One
   * that loads is awaited by the start, where that has time for it.
   */
  Adoption adopt(Path spec) throws InterruptedException {
    try {
      String late = state == State.LOADING ? "its warm pool was still loading" : "";
      say("adopt " + spec);
      JsonNode answer = answers.poll(ADOPTION_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
      if (answer != null && answer.path("pid").isIntegralNumber()) {
        say("go");
        return new Adoption(Optional.of(answer), late, false);
      }
      if (answer != null && answer.path("loading").asBoolean()) {
        return new Adoption(Optional.empty(), answer.path("why").asText(), true);
      }
      String why = answer == null ? "no answer from the standby" : answer.path("why").asText();
      end();
      return new Adoption(Optional.empty(), why.isEmpty() ? String.valueOf(answer) : why, false);
    } catch (IOException e) {
      end();
      return new Adoption(Optional.empty(), "the standby is gone: " + e.getMessage(), false);
    }
  }

  /** Ends it and its pool; gone already counts as done. */
  @Override
  public void close() {
    try {
      process.getOutputStream().close();
    } catch (IOException e) {
      LOG.debug("job={} closing its standby: {}", job, e.toString());
    }
  }

  /** Until it is gone: one that was asked and did not answer must never answer later. */
  private void end() throws InterruptedException {
    process.destroyForcibly();
    if (!process.waitFor(END_LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
      // It still cannot start anything: nobody will say "go" to it.
      LOG.warn("job={} its standby outlives SIGKILL: pid {}", job, process.pid());
    }
  }

  private void say(String line) throws IOException {
    OutputStream out = process.getOutputStream();
    out.write((line + "\n").getBytes(StandardCharsets.UTF_8));
    out.flush();
  }

  private void read() {
    try (var lines =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      String line = lines.readLine();
      while (line != null) {
        take(JSON.readTree(line));
        line = lines.readLine();
      }
    } catch (IOException e) {
      LOG.debug("job={} reading from its standby: {}", job, e.toString());
    }
    state = State.FAILED;
    take(JSON.createObjectNode().put("why", "the standby has ended"));
  }

  private void take(JsonNode message) {
    switch (message.path("type").asText()) {
      case "ready" -> {
        state = State.READY;
        LOG.info(
            "job={} warm pool ready after {} s, {} MB, {} modules{}{}",
            job,
            message.path("seconds").asDouble(),
            message.path("rssBytes").asLong() >> 20,
            message.path("modules").asInt(),
            leftOut(message.path("leftOut")),
            ops(message.path("ops")));
      }
      case "failed" -> {
        state = State.FAILED;
        LOG.warn("job={} no warm pool: {}", job, message.path("why").asText());
      }
      default -> {
        if (!answers.offer(message)) {
          LOG.warn("job={} its standby says too much: {}", job, message);
        }
      }
    }
  }

  private static String leftOut(JsonNode modules) {
    var text = new StringBuilder();
    for (JsonNode one : modules) {
      text.append(text.isEmpty() ? ", left out: " : "; ")
          .append(one.path("module").asText())
          .append(" (")
          .append(one.path("why").asText())
          .append(')');
    }
    return text.toString();
  }

  /** A failed build is not the pool's failure: the workers try it again, as without a pool. */
  private static String ops(JsonNode ops) {
    var text = new StringBuilder();
    for (JsonNode one : ops) {
      String state = one.path("state").asText();
      text.append(text.isEmpty() ? ", DeepSpeed's ops: " : "; ")
          .append(one.path("op").asText())
          .append(state.equals("there") ? " was there" : " " + state)
          .append(state.equals("built") ? " in " + one.path("seconds").asText() + " s" : "")
          .append(state.equals("failed") ? " (" + one.path("why").asText() + ")" : "");
    }
    return text.toString();
  }

  @Override
  public String toString() {
    return "standby of " + job + ", pid " + process.pid() + ", " + state;
  }
}
