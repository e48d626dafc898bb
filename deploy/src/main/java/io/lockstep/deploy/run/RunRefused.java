package io.lockstep.deploy.run;

import io.lockstep.coordinator.cli.ExitCode;

/** The command cannot do what was asked; the message says what was found and what to do. */
final class RunRefused extends Exception {
  private static final long serialVersionUID = 1L;

  private final ExitCode code;

  RunRefused(ExitCode code, String message) {
    super(message);
    this.code = code;
  }

  static RunRefused usage(String message) {
    return new RunRefused(ExitCode.USAGE, message);
  }

  ExitCode code() {
    return code;
  }

  String text() {
    return String.valueOf(getMessage());
  }
}
