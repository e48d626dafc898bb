package io.lockstep.simulation;

import java.util.ArrayList;
import java.util.List;

/** Keeps what happened, for a replay or a transcript; costs nothing when nobody wants it. */
final class Trace {
  /** How much is kept. */
  enum Detail {
    NOTHING,
    /** What coordinator and agents say to each other, and what is stored. */
    EXCHANGE,
    EVERYTHING
  }

  private final Detail detail;
  private final Schedule schedule;
  private final List<String> lines = new ArrayList<>();

  Trace(Detail detail, Schedule schedule) {
    this.detail = detail;
    this.schedule = schedule;
  }

  boolean wantsExchange() {
    return detail.compareTo(Detail.EXCHANGE) >= 0;
  }

  void exchange(String format, Object... args) {
    note(Detail.EXCHANGE, format, args);
  }

  void detail(String format, Object... args) {
    note(Detail.EVERYTHING, format, args);
  }

  private void note(Detail level, String format, Object... args) {
    if (detail.compareTo(level) >= 0) {
      lines.add("%8.3f  %s".formatted(schedule.now() / 1e3, format.formatted(args)));
    }
  }

  String text() {
    return String.join("\n", lines) + "\n";
  }
}
