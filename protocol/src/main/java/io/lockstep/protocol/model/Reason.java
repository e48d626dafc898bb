package io.lockstep.protocol.model;

import java.util.Locale;

/** Why something was decided: a stable code for programs and a sentence for people. */
public record Reason(ReasonCode code, String message) {
  public static Reason of(ReasonCode code, String format, Object... args) {
    return new Reason(code, args.length == 0 ? format : String.format(Locale.ROOT, format, args));
  }

  @Override
  public String toString() {
    return code + ": " + message;
  }
}
