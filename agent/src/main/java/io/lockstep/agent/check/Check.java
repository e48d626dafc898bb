package io.lockstep.agent.check;

import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.Finding.Severity;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.util.Locale;

/** One thing that must hold on a node before workers start on it. */
public interface Check {
  /** Names the check, whatever it finds. */
  ReasonCode code();

  /** Looks. May block for a moment, must not throw, is safe to repeat. */
  Finding look(Subject subject);

  /** How long it is waited for. */
  default Duration limit() {
    return CheckRunner.LIMIT;
  }

  /** As it should be. */
  default Finding ok(String format, Object... args) {
    return finding(Severity.OK, text(format, args), "");
  }

  /** Does not apply here, or cannot be seen. */
  default Finding skipped(String format, Object... args) {
    return finding(Severity.SKIPPED, text(format, args), "");
  }

  /** A job starts, and may suffer. */
  default Finding warn(String todo, String format, Object... args) {
    return finding(Severity.WARN, text(format, args), todo);
  }

  /** No job starts here. */
  default Finding fail(String todo, String format, Object... args) {
    return finding(Severity.FAIL, text(format, args), todo);
  }

  private Finding finding(Severity severity, String found, String todo) {
    return new Finding(code(), severity, found, todo);
  }

  private static String text(String format, Object... args) {
    return args.length == 0 ? format : String.format(Locale.ROOT, format, args);
  }
}
