package io.lockstep.agent.core;

import io.lockstep.protocol.model.CheckpointInventory;
import java.util.Optional;

/**
 * What preflight found on a node that can take part.
 *
 * @param masterPort free port; empty but on the node of rank 0
 * @param zeroSha256 hash of the configuration as written; empty without ZeRO
 */
public record Readiness(
    Optional<Integer> masterPort,
    Optional<String> zeroSha256,
    String scriptSha256,
    CheckpointInventory checkpoints) {
  /** After a conversion. */
  Readiness with(CheckpointInventory found) {
    return new Readiness(masterPort, zeroSha256, scriptSha256, found);
  }
}
