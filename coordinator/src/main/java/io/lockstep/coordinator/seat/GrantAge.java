package io.lockstep.coordinator.seat;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.NodeId;
import java.util.Optional;

/**
 * How long ago a seat last granted a lease (A20).
 *
 * @param returned its group said that it has ended by itself
 * @param set the set of seats that its shim counts, and no older one any more (A9); empty from a
 *     seat of an older release
 */
public record GrantAge(
    Fence fence,
    NodeId node,
    long ageMillis,
    boolean returned,
    @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<Long> set) {}
