package io.lockstep.agent.core;

import io.lockstep.protocol.model.CheckpointInventory;
import io.lockstep.protocol.model.NodeReadings;
import java.util.Optional;

/**
 * What preflight found on a node that can take part.
 *
 * @param masterPort free port; empty but on the node of rank 0
 * @param zeroSha256 hash of the configuration as written; empty without ZeRO
 * @param readings what must be alike on all nodes, and warnings; empty in what an older release
 *     stored
 */
public record Readiness(
    Optional<Integer> masterPort,
    Optional<String> zeroSha256,
    String scriptSha256,
    CheckpointInventory checkpoints,
    Optional<NodeReadings> readings) {
  /** Without readings. */
  public Readiness(
      Optional<Integer> masterPort,
      Optional<String> zeroSha256,
      String scriptSha256,
      CheckpointInventory checkpoints) {
    this(masterPort, zeroSha256, scriptSha256, checkpoints, Optional.empty());
  }

  /** After a conversion. */
  Readiness with(CheckpointInventory found) {
    return new Readiness(masterPort, zeroSha256, scriptSha256, found, readings);
  }
}
