package io.lockstep.coordinator.seat;

import com.fasterxml.jackson.annotation.JsonIgnore;
import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.NodeId;
import java.util.Optional;

/**
 * What a shim asks of a seat: {@code POST /v1/leases}.
 *
 * @param founding the cluster that the fence is of: plan numbers mean nothing in another (A3)
 * @param number echoed by the answer
 * @param returned the group has ended by itself: it will not ask again
 * @param set the set of seats whose majority it counts, and no older one any more (A9); 0 while it
 *     knows none; empty from a shim of an older release, which counts the seats of the founding
 */
public record LeaseRequest(
    String founding,
    long plan,
    JobId job,
    int attempt,
    NodeId node,
    long number,
    boolean returned,
    Optional<Long> set) {
  public LeaseRequest {
    if (plan < 0 || attempt < 1) {
      throw new IllegalArgumentException(
          "plan must be 0 or more and attempt 1 or more, found: " + plan + " and " + attempt);
    }
  }

  @JsonIgnore
  long counts() {
    return set.orElse(1L);
  }

  @JsonIgnore
  Fence fence() {
    return new Fence(plan, job, new Attempt(attempt));
  }
}
