package io.lockstep.simulation;

import io.lockstep.coordinator.actor.StateCodec;
import io.lockstep.coordinator.core.ClusterEvent;
import java.util.IdentityHashMap;

/** Reads each stored event once, however many seats and coordinators read it: only to save time. */
final class RememberingCodec extends StateCodec {
  private final IdentityHashMap<byte[], ClusterEvent> read = new IdentityHashMap<>();

  @Override
  public ClusterEvent readEvent(byte[] bytes) {
    return read.computeIfAbsent(bytes, super::readEvent);
  }
}
