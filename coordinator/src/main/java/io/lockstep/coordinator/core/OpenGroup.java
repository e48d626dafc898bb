package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.NodeId;
import java.util.Optional;

/**
 * A worker group that may still run somewhere: not proven gone (A21).
 *
 * @param disk the agent's disk id that the attempt was planned with
 * @param bootId the host's boot in which its node said Prepared; empty until then
 * @param revokedAt version of the event since which no seat that knows it renews the group's lease
 *     (A19); empty while the attempt is under way
 */
public record OpenGroup(
    NodeId node, Fence fence, String disk, Optional<String> bootId, Optional<Long> revokedAt) {
  static OpenGroup planned(NodeId node, Fence fence, String disk) {
    return new OpenGroup(node, fence, disk, Optional.empty(), Optional.empty());
  }

  public Lease lease() {
    return new Lease(fence, node);
  }

  OpenGroup revoked(long version) {
    return new OpenGroup(node, fence, disk, bootId, Optional.of(version));
  }

  OpenGroup prepared(Optional<String> boot) {
    return new OpenGroup(node, fence, disk, boot, revokedAt);
  }
}
