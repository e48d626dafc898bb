package io.lockstep.coordinator.actor;

import java.time.Duration;
import java.time.Instant;
import java.util.function.LongSupplier;

/**
 * The time by which one coordinator decides: the host's wall clock once, then monotonic, so that a
 * clock that is set does not make nodes silent or deadlines pass.
 */
final class ReignClock {
  private final Instant start;
  private final long startNanos;
  private final LongSupplier nanos;

  ReignClock() {
    this(Instant.now(), System::nanoTime);
  }

  ReignClock(Instant start, LongSupplier nanos) {
    this.start = start;
    this.nanos = nanos;
    this.startNanos = nanos.getAsLong();
  }

  Instant now() {
    return start.plus(Duration.ofNanos(nanos.getAsLong() - startNanos));
  }
}
