package io.lockstep.agent.check;

import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * One GPU as nvidia-smi describes it.
 *
 * @param index in the order of PCI, as CUDA_VISIBLE_DEVICES counts it here
 * @param celsius empty where it is not told
 * @param celsiusLeft until it slows itself down; empty where it is not told
 * @param eccVolatile uncorrected errors since the driver was loaded or the GPU reset
 * @param eccAggregate uncorrected errors in its life
 * @param repairs repairs that wait for a reset, or have failed, in nvidia-smi's words
 * @param recovery what the driver asks for, such as {@code Reset}; empty for nothing
 * @param slowdowns why it runs slower than it could, in nvidia-smi's words
 */
public record GpuState(
    int index,
    String uuid,
    String name,
    String architecture,
    long memoryBytes,
    long usedBytes,
    Optional<Integer> celsius,
    Optional<Integer> celsiusLeft,
    long eccVolatile,
    long eccAggregate,
    List<String> repairs,
    Optional<String> recovery,
    Set<String> slowdowns,
    boolean mig,
    List<GpuProcess> processes) {
  public GpuState {
    repairs = List.copyOf(repairs);
    slowdowns = Set.copyOf(slowdowns);
    processes = List.copyOf(processes);
  }

  /** A process that computes on a GPU; {@code pid} is of the namespace of the driver. */
  public record GpuProcess(long pid, String name, String memory) {}
}
