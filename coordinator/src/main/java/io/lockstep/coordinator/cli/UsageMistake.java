package io.lockstep.coordinator.cli;

/** The command was called wrongly; the message says what was found and what is allowed. */
final class UsageMistake extends Exception {
  private static final long serialVersionUID = 1L;

  UsageMistake(String message) {
    super(message);
  }
}
