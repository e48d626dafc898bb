package io.lockstep.protocol.model;

/** Argument checks that name the field, what was wanted and what was found. */
final class Checks {
  private Checks() {}

  /**
   * A word of ASCII that begins with a letter or digit. By hand: one is read for each node of each
   * list that comes over the wire, where a pattern took longer than all the rest of its reading.
   *
   * @param capitals whether A to Z may be in it
   * @param signs what may follow the first character besides letters and digits
   * @param longest in characters
   */
  static boolean isWord(String value, boolean capitals, String signs, int longest) {
    int length = value.length();
    if (length == 0 || length > longest || signs.indexOf(value.charAt(0)) >= 0) {
      return false;
    }
    for (int i = 0; i < length; i++) {
      char c = value.charAt(i);
      boolean plain =
          (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (capitals && c >= 'A' && c <= 'Z');
      if (!plain && signs.indexOf(c) < 0) {
        return false;
      }
    }
    return true;
  }

  static void require(boolean holds, String field, Object found, String wanted) {
    if (!holds) {
      throw new IllegalArgumentException(field + " must be " + wanted + ", found: " + found);
    }
  }
}
