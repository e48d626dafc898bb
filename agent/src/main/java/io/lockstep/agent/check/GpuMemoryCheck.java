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

/**
 * The memory of the job's GPUs is free. That of an earlier attempt comes back a moment after its
 * processes are gone, so this waits for it; who holds it for longer is not of that attempt.
 */
final class GpuMemoryCheck extends GpuCheck {
  /** How long the memory of an earlier attempt may take to come back. */
  static final Duration WAIT = Duration.ofSeconds(30);

  /** So much may be in use, by monitoring or a screen, MiB. */
  static final int MAX_USED_MIB = 1_024;

  private static final Duration SLACK = Duration.ofSeconds(3);

  private final Duration wait;
  private final List<String> library;

  GpuMemoryCheck() {
    this(WAIT, List.of());
  }

  /**
   * With another wait.
   *
   * @param library that stands in for NVIDIA's; empty for that one
   */
  GpuMemoryCheck(Duration wait, List<String> library) {
    super(ReasonCode.GPU_MEMORY_HELD);
    this.wait = wait;
    this.library = List.copyOf(library);
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
    var argv = new ArrayList<String>();
    argv.addAll(
        List.of(
            subject.host().python(),
            "-IS",
            subject.host().shim().resolve("gpumemory.py").toString(),
            indices(gpus),
            Integer.toString(MAX_USED_MIB),
            Double.toString(wait.toMillis() / 1_000.0)));
    argv.addAll(library);
    try {
      BoundedCommand.Result said = BoundedCommand.run(argv, subject.host().env(), wait.plus(SLACK));
      if (said.timedOut()) {
        return fail(
            "run nvidia-smi on the node; reboot it where that hangs",
            "NVML did not answer within %d s",
            wait.plus(SLACK).toSeconds());
      }
      return finding(WireJson.json().readTree(said.stdout()), said, gpus);
    } catch (JsonProcessingException e) {
      return skipped("the answer of NVML cannot be read: %s", e.getOriginalMessage());
    } catch (IOException e) {
      return skipped("NVML cannot be asked: %s", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return skipped("interrupted");
    }
  }

  private Finding finding(JsonNode said, BoundedCommand.Result result, List<GpuState> gpus) {
    if (!result.isSuccess()) {
      return skipped(
          "NVML cannot be asked: %s",
          said.path("problem").asText(GpuXml.shown(result.stdout() + result.stderr())));
    }
    double waited = said.path("waitedSeconds").asDouble();
    var held = new ArrayList<String>();
    said.path("held")
        .forEach(
            h ->
                held.add(
                    "GPU %d: %d MiB, pids %s"
                        .formatted(h.path("gpu").asInt(), h.path("mib").asLong(), h.path("pids"))));
    return held.isEmpty()
        ? ok("free on %d GPUs, after %.1f s", gpus.size(), waited)
        : fail(
            "end the processes named; where there is none, reset the GPU or reboot the node",
            "more than %d MiB are in use after %.0f s: %s",
            MAX_USED_MIB,
            waited,
            String.join(", ", held));
  }
}
