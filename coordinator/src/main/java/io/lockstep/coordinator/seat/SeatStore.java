package io.lockstep.coordinator.seat;

import java.io.IOException;

/** Where one seat keeps its state. Used by one thread. */
interface SeatStore extends AutoCloseable {
  /** What was synced last. */
  SeatState state();

  /**
   * Syncs {@code next} in place of {@link #state()}. After an exception nothing is known about what
   * the disk holds, and the store must not be used again.
   */
  void save(SeatState next) throws IOException;

  @Override
  void close();
}
