package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.CheckpointInventory;
import java.util.Optional;

/** What a node said when it was prepared. */
public record PreparedNode(
    Optional<Integer> masterPort,
    Optional<String> zeroSha256,
    String scriptSha256,
    CheckpointInventory checkpoints) {
  PreparedNode withoutCheckpoints() {
    return new PreparedNode(masterPort, zeroSha256, scriptSha256, CheckpointInventory.EMPTY);
  }
}
