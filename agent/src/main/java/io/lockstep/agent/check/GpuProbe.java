package io.lockstep.agent.check;

import io.lockstep.agent.process.BoundedCommand;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The one reader of nvidia-smi. Its answer is kept: who starts a job takes the last one, the
 * background looks again.
 */
public final class GpuProbe {
  /** How long nvidia-smi may take; a driver that is ill keeps it for ever. */
  public static final Duration LIMIT = Duration.ofSeconds(10);

  /** How often the background looks again: nvidia-smi wakes an idle GPU. */
  public static final Duration INTERVAL = Duration.ofSeconds(30);

  private static final String NO_DRIVER = "there is an NVIDIA device without a working driver: ";

  private final NvidiaDevices devices;
  private final Map<String, String> env;
  private final Duration limit;
  private Optional<ProcessHandle> stuck = Optional.empty();
  private volatile GpuReading last = GpuReading.none(System.nanoTime());

  /**
   * A probe that has not looked yet.
   *
   * @param env of the daemon; its PATH says where nvidia-smi is
   */
  public GpuProbe(NvidiaDevices devices, Map<String, String> env) {
    this(devices, env, LIMIT);
  }

  GpuProbe(NvidiaDevices devices, Map<String, String> env, Duration limit) {
    this.devices = devices;
    this.env = Map.copyOf(env);
    this.limit = limit;
  }

  /** What was found when it was last looked; does not block. */
  public GpuReading last() {
    return last;
  }

  /** How long ago that was. */
  public Duration age() {
    return Duration.ofNanos(System.nanoTime() - last.atNanos());
  }

  /** Looks now; blocks up to the limit, and while another one looks. */
  public synchronized GpuReading look() throws InterruptedException {
    last = query();
    return last;
  }

  private GpuReading query() throws InterruptedException {
    Optional<String> wanted = devices.why();
    Optional<Path> tool = SearchPath.find("nvidia-smi", env);
    if (tool.isEmpty()) {
      return wanted
          .map(why -> broken(why + ", and nvidia-smi is not on the PATH of the daemon"))
          .orElseGet(() -> GpuReading.none(System.nanoTime()));
    }
    if (stuck.filter(ProcessHandle::isAlive).isPresent()) {
      // another one would hang as well, and none of them can be killed
      return broken("nvidia-smi has hung since it was last called, pid " + stuck.get().pid());
    }
    BoundedCommand.Result said;
    try {
      said = BoundedCommand.run(List.of(tool.get().toString(), "-q", "-x"), env, limit);
    } catch (IOException e) {
      return broken(tool.get() + " cannot be run: " + e.getMessage());
    }
    stuck = said.left();
    if (said.timedOut()) {
      return broken("nvidia-smi did not answer within " + limit.toMillis() + " ms");
    }
    if (said.isSuccess()) {
      GpuReading read = GpuXml.read(said.stdout(), System.nanoTime());
      return read.problem().map(this::broken).orElse(read);
    }
    // the tool alone is no device: an image for GPUs on a host without one
    return wanted.isEmpty()
        ? GpuReading.none(System.nanoTime())
        : broken(
            "nvidia-smi failed with exit code "
                + said.exitCode()
                + ": "
                + GpuXml.shown(said.stdout() + " " + said.stderr()));
  }

  private GpuReading broken(String why) {
    return GpuReading.broken(NO_DRIVER + why, System.nanoTime());
  }
}
