package io.lockstep.coordinator.actor;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

final class ReignClockTest {
  @Test
  void timeGoesOnByTheMonotonicClockAlone() {
    var nanos = new AtomicLong(Long.MAX_VALUE - 5);
    Instant start = Instant.parse("2026-11-25T00:00:00Z");
    var clock = new ReignClock(start, nanos::get);

    nanos.addAndGet(Duration.ofSeconds(3).toNanos());

    assertThat(clock.now()).isEqualTo(start.plusSeconds(3));
  }
}
