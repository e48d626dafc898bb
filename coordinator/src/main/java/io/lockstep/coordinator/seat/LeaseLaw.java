package io.lockstep.coordinator.seat;

import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.NodeId;

/** What one accepted state says of who may run (A15). Immutable. */
public interface LeaseLaw {
  /** Of a state that says nothing. */
  LeaseLaw NONE = (fence, node) -> Standing.UNKNOWN;

  /** Whether a group may run. */
  enum Standing {
    /** Its attempt was released on that node, and is not over. */
    PERMITTED,
    /** Its attempt is over: it must stop. */
    ENDED,
    /** Neither is known: not granted, and not told to stop. */
    UNKNOWN
  }

  Standing of(Fence fence, NodeId node);

  /** This group was proven gone, and no rule asks any more when its lease was last granted. */
  default boolean isPast(Fence fence, NodeId node) {
    return false;
  }

  /**
   * Reads the bytes that seats keep, which they do not understand. Used by one thread at a time.
   */
  interface Reader {
    /** For a seat that grants nothing. */
    Reader NOTHING = stored -> NONE;

    LeaseLaw read(StoredState stored);
  }
}
