package io.lockstep.protocol.model;

import java.util.List;

/**
 * What an agent found on its host at start.
 *
 * @param address where other nodes reach this one; becomes MASTER_ADDR when it has node rank 0
 * @param bootId the kernel's boot id: another one proves that every earlier process is gone
 * @param python default interpreter for workers
 * @param nodeRankHint rank that the host asks for, or -1
 */
public record NodeInventory(
    String address,
    String hostname,
    String bootId,
    int cpus,
    long memoryBytes,
    List<GpuInfo> gpus,
    String python,
    String version,
    int nodeRankHint) {
  public NodeInventory {
    gpus = List.copyOf(gpus);
  }
}
