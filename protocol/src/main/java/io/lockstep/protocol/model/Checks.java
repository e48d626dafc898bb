package io.lockstep.protocol.model;

/** Argument checks that name the field, what was wanted and what was found. */
final class Checks {
  private Checks() {}

  static void require(boolean holds, String field, Object found, String wanted) {
    if (!holds) {
      throw new IllegalArgumentException(field + " must be " + wanted + ", found: " + found);
    }
  }
}
