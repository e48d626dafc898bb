package io.lockstep.coordinator.seat;

import static io.lockstep.coordinator.seat.SeatLimits.COMPACT_AFTER_BYTES;
import static io.lockstep.coordinator.seat.SeatLimits.COMPACT_AFTER_EVENTS;
import static io.lockstep.coordinator.seat.SeatLimits.COMPACT_ALWAYS_AFTER_EVENTS;
import static io.lockstep.coordinator.seat.SeatLimits.wantCompaction;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class SeatLimitsTest {
  private static final long SMALL = 2_000;
  private static final long LARGE = 600_000;

  @Test
  void aSmallStateIsWrittenAnewWhenTheEventsAreMany() {
    assertThat(wantCompaction(SMALL, COMPACT_AFTER_EVENTS - 1, 50_000)).isFalse();
    assertThat(wantCompaction(SMALL, COMPACT_AFTER_EVENTS, 50_000)).isTrue();
  }

  @Test
  void aLargeStateIsNotWrittenAnewForEachFewEvents() {
    assertThat(wantCompaction(LARGE, COMPACT_AFTER_EVENTS, 60_000)).isFalse();
    assertThat(wantCompaction(LARGE, COMPACT_ALWAYS_AFTER_EVENTS - 1, 400_000)).isFalse();
  }

  @Test
  void theEventsStayBoundedWhateverTheStateIs() {
    assertThat(wantCompaction(LARGE, COMPACT_ALWAYS_AFTER_EVENTS, 10_000)).isTrue();
    assertThat(wantCompaction(LARGE, 1, COMPACT_AFTER_BYTES)).isTrue();
    assertThat(COMPACT_ALWAYS_AFTER_EVENTS + SeatLimits.MAX_WRITE_EVENTS)
        .isLessThan(SeatLimits.MAX_EVENTS_SINCE_SNAPSHOT);
  }
}
