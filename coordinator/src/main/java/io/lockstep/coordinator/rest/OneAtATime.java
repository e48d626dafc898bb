package io.lockstep.coordinator.rest;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** Gives one request at a time its turn. */
final class OneAtATime {
  /** A turn that is not begun by then is given to the next one: its client has left. */
  static final Duration BEGIN_LIMIT = Duration.ofSeconds(30);

  private final AtomicReference<@Nullable Turn> current = new AtomicReference<>();
  private final LongSupplier nanoTime;

  /** It is this one object that has the turn. */
  static final class Turn {
    private final long takenAt;
    private final boolean begun;

    private Turn(long takenAt, boolean begun) {
      this.takenAt = takenAt;
      this.begun = begun;
    }
  }

  OneAtATime(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
  }

  /** Empty while another one has it. */
  Optional<Turn> take() {
    Turn before = current.get();
    if (before != null && !isForgotten(before)) {
      return Optional.empty();
    }
    var mine = new Turn(nanoTime.getAsLong(), false);
    return current.compareAndSet(before, mine) ? Optional.of(mine) : Optional.empty();
  }

  /** From now on it is ended by {@link #end} alone; empty where it was given to another one. */
  Optional<Turn> begin(Turn taken) {
    var begun = new Turn(taken.takenAt, true);
    return current.compareAndSet(taken, begun) ? Optional.of(begun) : Optional.empty();
  }

  void end(Turn mine) {
    current.compareAndSet(mine, null);
  }

  private boolean isForgotten(Turn turn) {
    return !turn.begun && nanoTime.getAsLong() - turn.takenAt >= BEGIN_LIMIT.toNanos();
  }
}
