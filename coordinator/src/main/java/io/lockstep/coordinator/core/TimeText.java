package io.lockstep.coordinator.core;

import java.time.Duration;

/** Writes times as job files have them: 500ms, 30s, 15m, 1h. */
final class TimeText {
  private TimeText() {}

  static String of(Duration time) {
    long seconds = time.toSeconds();
    if (time.toMillisPart() > 0) {
      return time.toMillis() + "ms";
    } else if (seconds == 0 || seconds % 60 > 0) {
      return seconds + "s";
    }
    return seconds % 3_600 == 0 ? seconds / 3_600 + "h" : seconds / 60 + "m";
  }
}
