package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.NodeId;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** What a worker group runs under: one attempt on one node (A14). */
public record Lease(Fence fence, NodeId node) {
  /** A group whose lease a majority of seats has not renewed for so long is lost (A23). */
  static final Duration SILENT_AFTER = Duration.ofSeconds(2);

  /** So long a silent agent is waited for whose group has ended by itself: it alone knows how. */
  static final Duration END_UNREAD_LIMIT = Duration.ofSeconds(60);

  private static final Duration LEAST_MARGIN = Duration.ofSeconds(1);
  private static final int MARGIN_PARTS = 50;

  /** By hand, as in its parts: seats and coordinator look up a thousand of them at a time. */
  @Override
  public boolean equals(@Nullable Object other) {
    return this == other
        || (other instanceof Lease that && fence.equals(that.fence) && node.equals(that.node));
  }

  @Override
  public int hashCode() {
    return fence.hashCode() * 31 + node.hashCode();
  }

  /** How long after the last grant its processes are gone, clock rates and the kill included. */
  static Duration overAfter(Duration length) {
    Duration part = length.dividedBy(MARGIN_PARTS);
    return length.plus(part.compareTo(LEAST_MARGIN) > 0 ? part : LEAST_MARGIN);
  }
}
