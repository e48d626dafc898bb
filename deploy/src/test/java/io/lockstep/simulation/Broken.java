package io.lockstep.simulation;

/** An invariant does not hold. */
final class Broken extends RuntimeException {
  private static final long serialVersionUID = 1L;
  final String invariant;

  private Broken(String invariant, String message) {
    super(invariant + ": " + message);
    this.invariant = invariant;
  }

  static void unless(boolean holds, String invariant, String format, Object... args) {
    if (!holds) {
      throw new Broken(invariant, String.format(format, args));
    }
  }
}
