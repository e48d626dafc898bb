package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.NodeId;
import java.time.Instant;
import java.util.Optional;

/**
 * A worker group that may still run somewhere: not proven gone (A21).
 *
 * @param disk the agent's disk id that the attempt was planned with
 * @param giveUpAt when it counts as gone although nobody saw it end; empty while its node is heard
 */
public record OpenGroup(NodeId node, Fence fence, String disk, Optional<Instant> giveUpAt) {}
