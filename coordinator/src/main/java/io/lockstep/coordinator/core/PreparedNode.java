package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.CheckpointInventory;
import io.lockstep.protocol.model.NodeReadings;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * What a node said when it was prepared.
 *
 * @param readings what must be alike on all nodes; empty from an older agent, and once agreed on
 * @param bootId the host's boot in which it was prepared; empty from an older agent
 */
public record PreparedNode(
    Optional<Integer> masterPort,
    Optional<String> zeroSha256,
    String scriptSha256,
    CheckpointInventory checkpoints,
    Optional<NodeReadings> readings,
    Optional<String> bootId) {
  private static final int MAX_WARNINGS_BYTES = 1_000;

  /** Without readings and boot. */
  public PreparedNode(
      Optional<Integer> masterPort,
      Optional<String> zeroSha256,
      String scriptSha256,
      CheckpointInventory checkpoints) {
    this(masterPort, zeroSha256, scriptSha256, checkpoints, Optional.empty(), Optional.empty());
  }

  /** For the end of a sentence; empty when there is nothing to say. */
  String warnings() {
    String all =
        readings.map(NodeReadings::warnings).orElse(List.of()).stream()
            .map(w -> "; WARNING " + w.code() + ": " + w.sentence())
            .collect(Collectors.joining());
    return BoundedText.head(all, MAX_WARNINGS_BYTES);
  }

  PreparedNode withoutCheckpoints() {
    return new PreparedNode(masterPort, zeroSha256, scriptSha256, CheckpointInventory.EMPTY);
  }
}
