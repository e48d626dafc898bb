package io.lockstep.agent.check;

import java.util.List;
import java.util.Optional;

/**
 * What nvidia-smi said, and when.
 *
 * @param problem why the GPUs that are there cannot be used; empty when there is no problem
 * @param atNanos {@link System#nanoTime} of the answer
 */
public record GpuReading(
    List<GpuState> gpus, String driver, Optional<String> problem, long atNanos) {
  public GpuReading {
    gpus = List.copyOf(gpus);
  }

  static GpuReading none(long atNanos) {
    return new GpuReading(List.of(), "", Optional.empty(), atNanos);
  }

  static GpuReading broken(String why, long atNanos) {
    return new GpuReading(List.of(), "", Optional.of(why), atNanos);
  }
}
