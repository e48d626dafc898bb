package io.lockstep.coordinator.core;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * When a node that is lost again and again is kept out of placement, so that jobs stop restarting
 * because of it.
 *
 * @param losses so many within {@link #WINDOW}, and the node is quarantined; 0 for never
 * @param length for how long, from its last loss
 * @param check it meets others in a pair check before it is placed again ({@link QuarantineGate})
 */
public record QuarantinePolicy(int losses, Duration length, boolean check) {
  /** Older losses do not count. */
  public static final Duration WINDOW = Duration.ofHours(1);

  /** The most that {@code losses} may be: a node keeps so many. */
  public static final int MAX_LOSSES = 20;

  /** How long a node whose hardware failed is out, unless a person puts it back before. */
  public static final Duration BROKEN = Duration.ofHours(24);

  public static final QuarantinePolicy DEFAULT =
      new QuarantinePolicy(3, Duration.ofMinutes(15), true);
  public static final QuarantinePolicy NEVER = new QuarantinePolicy(0, Duration.ZERO, false);

  public QuarantinePolicy {
    if (losses < 0 || losses > MAX_LOSSES || length.isNegative()) {
      throw new IllegalArgumentException(
          "0 to %d losses and a length, found: %d, %s".formatted(MAX_LOSSES, losses, length));
    }
  }

  /** How many of these losses count now. */
  static long counted(List<Instant> losses, Instant now) {
    return losses.stream().filter(at -> at.isAfter(now.minus(WINDOW))).count();
  }

  /** Until when a node with these losses is quarantined; empty where it is not. */
  Optional<Instant> until(List<Instant> lossesOfNode, Instant now) {
    return losses > 0 && counted(lossesOfNode, now) >= losses
        ? Optional.of(now.plus(length))
        : Optional.empty();
  }
}
