package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.Reason;
import java.nio.charset.StandardCharsets;

/** Cuts what workers and people wrote to the bytes that the stored state has room for. */
final class BoundedText {
  private static final String CUT = "…";
  private static final int CUT_BYTES = 3;

  private BoundedText() {}

  /** The beginning of it: where an exception says what it is. */
  static String head(String text, int maxBytes) {
    if (bytes(text) <= maxBytes) {
      return text;
    }
    int end = 0;
    int room = maxBytes - CUT_BYTES;
    while (end < text.length()) {
      int point = text.codePointAt(end);
      room -= bytesOf(point);
      if (room < 0) {
        break;
      }
      end += Character.charCount(point);
    }
    return text.substring(0, end) + CUT;
  }

  /** The end of it: where a traceback says what went wrong. */
  static String tail(String text, int maxBytes) {
    if (bytes(text) <= maxBytes) {
      return text;
    }
    int begin = text.length();
    int room = maxBytes - CUT_BYTES;
    while (begin > 0) {
      int point = text.codePointBefore(begin);
      room -= bytesOf(point);
      if (room < 0) {
        break;
      }
      begin -= Character.charCount(point);
    }
    return CUT + text.substring(begin);
  }

  static Reason head(Reason reason, int maxBytes) {
    String cut = head(reason.message(), maxBytes);
    return cut.equals(reason.message()) ? reason : new Reason(reason.code(), cut);
  }

  static int bytes(String text) {
    return text.isEmpty() ? 0 : text.getBytes(StandardCharsets.UTF_8).length;
  }

  private static int bytesOf(int point) {
    if (point < 0x80) {
      return 1;
    } else if (point < 0x800) {
      return 2;
    } else if (point >= Character.MIN_SURROGATE && point <= Character.MAX_SURROGATE) {
      return 1; // half a pair, written as "?"
    }
    return point < 0x10000 ? 3 : 4;
  }
}
