package io.lockstep.coordinator.cli;

/** None of the API's addresses answered. */
public final class NoCoordinator extends Exception {
  private static final long serialVersionUID = 1L;

  NoCoordinator(String message) {
    super(message);
  }
}
