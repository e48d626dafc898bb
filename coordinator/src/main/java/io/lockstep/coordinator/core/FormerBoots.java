package io.lockstep.coordinator.core;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * Boots of a host that another boot has ended: a Hello of one of them was on its way for long, and
 * says nothing of what runs there now.
 *
 * @param boots oldest first, the newest {@link #MAX} of them
 */
public record FormerBoots(List<FormerBoot> boots) {
  static final FormerBoots NONE = new FormerBoots(List.of());

  private static final int MAX = 4;

  /**
   * No message is on its way for longer. A boot may come back for good: the snapshot of a virtual
   * machine that is restored has the boot id of its time.
   */
  static final Duration LIMIT = Duration.ofMinutes(5);

  public FormerBoots {
    boots = List.copyOf(boots);
  }

  /** One boot, and when the next one was heard of. */
  public record FormerBoot(String id, Instant endedAt) {}

  boolean isOver(String boot, Instant now) {
    return boots.stream()
        .anyMatch(b -> b.id().equals(boot) && b.endedAt().plus(LIMIT).isAfter(now));
  }

  FormerBoots plus(String boot, Instant endedAt) {
    var all = new ArrayList<>(boots);
    all.removeIf(b -> b.id().equals(boot));
    all.add(new FormerBoot(boot, endedAt));
    return new FormerBoots(all.subList(Math.max(0, all.size() - MAX), all.size()));
  }
}
