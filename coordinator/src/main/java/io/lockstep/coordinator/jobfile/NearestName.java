package io.lockstep.coordinator.jobfile;

import java.util.Collection;
import java.util.Locale;
import java.util.Optional;

/** Finds the known name that a mistyped one was meant to be. */
public final class NearestName {
  private NearestName() {}

  /** The nearest of {@code known}; empty when none is near enough to be meant. */
  public static Optional<String> of(String found, Collection<String> known) {
    String plain = plain(found);
    if (plain.isEmpty() || plain.length() > 60) {
      return Optional.empty();
    }
    Optional<String> nearest = Optional.empty();
    int least = Math.max(1, plain.length() / 3) + 1;
    for (String name : known) {
      int distance = distance(plain, plain(name));
      if (distance < least) {
        least = distance;
        nearest = Optional.of(name);
      }
    }
    return nearest;
  }

  /** {@code "; did you mean x?"}, or nothing. */
  public static String hint(String found, Collection<String> known) {
    return of(found, known).map(name -> "; did you mean " + name + "?").orElse("");
  }

  private static String plain(String name) {
    return name.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]", "");
  }

  /** Edits from one word to the other, where swapped neighbours are one edit. */
  private static int distance(String a, String b) {
    int[][] cost = new int[a.length() + 1][b.length() + 1];
    for (int i = 0; i <= a.length(); i++) {
      for (int j = 0; j <= b.length(); j++) {
        if (i == 0 || j == 0) {
          cost[i][j] = i + j;
          continue;
        }
        int change = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
        cost[i][j] =
            Math.min(cost[i - 1][j - 1] + change, Math.min(cost[i - 1][j], cost[i][j - 1]) + 1);
        if (i > 1
            && j > 1
            && a.charAt(i - 1) == b.charAt(j - 2)
            && a.charAt(i - 2) == b.charAt(j - 1)) {
          cost[i][j] = Math.min(cost[i][j], cost[i - 2][j - 2] + 1);
        }
      }
    }
    return cost[a.length()][b.length()];
  }
}
