package io.lockstep.coordinator.cli;

import java.util.ArrayList;
import java.util.List;

/** Fits words into columns of a terminal: what is wide, what may be printed, where to break. */
final class Text {
  private Text() {}

  /** One line without control characters: what a job says must not steer the terminal. */
  static String printable(String text) {
    return text.replaceAll("[\\p{Cntrl}\u0080-\u009f]+", " ").stripTrailing();
  }

  /** Columns that the text takes; Chinese and the like take two each. */
  static int width(String text) {
    return text.codePoints().map(Text::width).sum();
  }

  /** The text, cut to a width; a cut shows as an ellipsis. */
  static String fit(String text, int width) {
    if (width(text) <= width) {
      return text;
    }
    var kept = new StringBuilder();
    int used = 0;
    for (int point : text.codePoints().toArray()) {
      used += width(point);
      if (used > width - 1) {
        break;
      }
      kept.appendCodePoint(point);
    }
    return width < 1 ? "" : kept.append('…').toString();
  }

  static String pad(String text, int width) {
    return text + " ".repeat(Math.max(0, width - width(text)));
  }

  /** The text in lines of at most this width, broken between words where that can be. */
  static List<String> wrap(String text, int width) {
    var lines = new ArrayList<String>();
    var line = new StringBuilder();
    for (String word : printable(text).strip().split(" ", -1)) {
      if (!line.isEmpty() && width(line.toString()) + 1 + width(word) > width) {
        lines.add(line.toString());
        line.setLength(0);
      }
      line.append(line.isEmpty() ? "" : " ").append(word);
    }
    lines.add(line.toString());
    return lines;
  }

  private static int width(int point) {
    if (Character.getType(point) == Character.NON_SPACING_MARK) {
      return 0;
    }
    boolean wide =
        (point >= 0x1100 && point <= 0x115F)
            || (point >= 0x2E80 && point <= 0xA4CF)
            || (point >= 0xAC00 && point <= 0xD7A3)
            || (point >= 0xF900 && point <= 0xFAFF)
            || (point >= 0xFE30 && point <= 0xFE6F)
            || (point >= 0xFF00 && point <= 0xFF60)
            || (point >= 0xFFE0 && point <= 0xFFE6)
            || (point >= 0x1F300 && point <= 0x1FAFF)
            || (point >= 0x20000 && point <= 0x3FFFD);
    return wide ? 2 : 1;
  }
}
