package io.lockstep.agent.check;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.lockstep.agent.process.BoundedCommand;
import io.lockstep.protocol.message.WireJson;
import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.ReasonCode;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The memory of the job's GPUs is free. That of an earlier attempt comes back a moment after its
 * processes are gone, so this waits for it; who holds it for longer is not of that attempt.
 */
final class GpuMemoryCheck extends GpuCheck {
  /** How long the memory of an earlier attempt may take to come back. */
  static final Duration WAIT = Duration.ofSeconds(30);

  private static final Duration SLACK = Duration.ofSeconds(3);

  /** So long is waited in one question: a helper that hangs is noticed, and the rest is left. */
  private static final Duration ONE_QUESTION = Duration.ofSeconds(1);

  private final GpuMemoryHelper helper;
  private final Duration wait;

  GpuMemoryCheck(GpuMemoryHelper helper) {
    this(helper, WAIT);
  }

  /** With another wait. */
  GpuMemoryCheck(GpuMemoryHelper helper, Duration wait) {
    super(ReasonCode.GPU_MEMORY_HELD);
    this.helper = helper;
    this.wait = wait;
  }

  /** For the whole of it. */
  @Override
  public Duration limit() {
    return WAIT.plus(SLACK).plus(SLACK);
  }

  @Override
  Finding look(Subject subject, List<GpuState> gpus) {
    if (subject.launch().isEmpty()) {
      long most = gpus.stream().mapToLong(g -> g.usedBytes() >> 20).max().orElse(0);
      return ok("%d MiB in use at most", most); // a job may be at work
    }
    int allowed = subject.launch().get().job().preflightLimits().gpuMemoryHeldMib();
    String what = indices(gpus) + " " + allowed + " ";
    long began = System.nanoTime();
    try {
      Optional<JsonNode> said = askHelper(what, began);
      if (said.isEmpty()) {
        return askAnew(what, began, gpus, allowed);
      }
      return finding(said.get(), waited(began), gpus, allowed);
    } catch (IOException e) {
      return skipped("NVML cannot be asked: %s", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return skipped("interrupted");
    }
  }

  /** Again and again until the memory is free or the time is over; empty where it fails. */
  private Optional<JsonNode> askHelper(String what, long began) throws InterruptedException {
    while (true) {
      Duration left = left(began);
      Duration now = left.compareTo(ONE_QUESTION) < 0 ? left : ONE_QUESTION;
      Optional<JsonNode> said = helper.ask(what + seconds(now), now);
      boolean isOver = left.compareTo(ONE_QUESTION) <= 0;
      if (said.isEmpty() || isOver || said.get().path("held").isEmpty()) {
        return said;
      }
    }
  }

  private Finding askAnew(String what, long began, List<GpuState> gpus, int allowed)
      throws IOException, InterruptedException {
    BoundedCommand.Result result =
        helper.askAnew(what + seconds(left(began)), left(began).plus(SLACK));
    if (result.timedOut()) {
      return fail(
          "run nvidia-smi on the node; reboot it where that hangs",
          "NVML did not answer within %d s",
          waited(began).toSeconds());
    }
    JsonNode said;
    try {
      said = WireJson.json().readTree(result.stdout());
    } catch (JsonProcessingException e) {
      return skipped("the answer of NVML cannot be read: %s", e.getOriginalMessage());
    }
    return result.isSuccess()
        ? finding(said, waited(began), gpus, allowed)
        : skipped(
            "NVML cannot be asked: %s",
            said.path("problem").asText(GpuXml.shown(result.stdout() + result.stderr())));
  }

  private Duration left(long began) {
    Duration left = wait.minus(waited(began));
    return left.isNegative() ? Duration.ZERO : left;
  }

  private static Duration waited(long began) {
    return Duration.ofNanos(System.nanoTime() - began);
  }

  private static double seconds(Duration time) {
    return time.toMillis() / 1_000.0;
  }

  private Finding finding(JsonNode said, Duration waited, List<GpuState> gpus, int allowed) {
    double seconds = seconds(waited);
    var held = new ArrayList<String>();
    said.path("held")
        .forEach(
            h ->
                held.add(
                    "GPU %d: %d MiB, pids %s"
                        .formatted(h.path("gpu").asInt(), h.path("mib").asLong(), h.path("pids"))));
    return held.isEmpty()
        ? ok("at most %d MiB in use on %d GPUs, after %.1f s", allowed, gpus.size(), seconds)
        : fail(
            "end the processes named, or allow what they hold (preflight.gpuMemoryHeld in the job"
                + " file); where there is none, reset the GPU or reboot the node",
            "more than %d MiB are in use after %.0f s: %s",
            allowed,
            seconds,
            String.join(", ", held));
  }
}
