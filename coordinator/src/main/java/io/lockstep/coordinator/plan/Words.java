package io.lockstep.coordinator.plan;

import java.util.Locale;

/** Writes sizes and counts as people read them; GB are 10^9 bytes. */
public final class Words {
  private Words() {}

  public static String bytes(long bytes) {
    if (bytes >= 100_000_000_000L) {
      return String.format(Locale.ROOT, "%,d GB", Math.round(bytes / 1e9));
    } else if (bytes >= 10_000_000_000L) {
      return String.format(Locale.ROOT, "%.1f GB", bytes / 1e9);
    } else if (bytes >= 100_000_000L) {
      return String.format(Locale.ROOT, "%.2f GB", bytes / 1e9);
    } else if (bytes >= 100_000L) {
      return String.format(Locale.ROOT, "%.1f MB", bytes / 1e6);
    }
    return bytes == 0 ? "0" : String.format(Locale.ROOT, "%.1f kB", bytes / 1e3);
  }

  /** Both bounds, or one number where they are the same. */
  public static String range(Range range) {
    String low = bytes(range.lowBytes());
    String high = bytes(range.highBytes());
    return low.equals(high) ? low : low + " to " + high;
  }

  /** A number of parameters: 32.8 B. */
  public static String parameters(long count) {
    return count >= 1_000_000_000L
        ? String.format(Locale.ROOT, "%.2f B", count / 1e9)
        : String.format(Locale.ROOT, "%.1f M", count / 1e6);
  }

  static String perParameter(Range bytes) {
    String text =
        bytes.lowBytes() == bytes.highBytes()
            ? Long.toString(bytes.lowBytes())
            : bytes.lowBytes() + " to " + bytes.highBytes();
    return text + " B per parameter";
  }
}
