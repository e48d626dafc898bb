package io.lockstep.coordinator.seat;

import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.NodeId;

/**
 * How long ago a seat last granted a lease (A20).
 *
 * @param returned its group said that it has ended by itself
 */
public record GrantAge(Fence fence, NodeId node, long ageMillis, boolean returned) {}
