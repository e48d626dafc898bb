package io.lockstep.coordinator.seat;

import java.util.Optional;
import java.util.Set;

/** Decides whether who is a seat may be changed so (A9), and says why not. */
public final class SeatRules {
  private SeatRules() {}

  /** Why this change can never be made of this membership; empty when it could. */
  public static Optional<String> mistake(Membership membership, SeatChange change) {
    if (change instanceof SeatChange.Add add) {
      if (membership.has(add.seat())) {
        return Optional.of(add.seat() + " is a seat already");
      }
      return membership.members().size() >= Membership.MAX_SEATS
          ? Optional.of(
              "there are %d seats, and there cannot be more; replace one"
                  .formatted(Membership.MAX_SEATS))
          : Optional.empty();
    } else if (change instanceof SeatChange.Remove remove) {
      if (!membership.has(remove.seat())) {
        return Optional.of(remove.seat() + " is no seat");
      }
      return membership.members().size() == 1
          ? Optional.of(remove.seat() + " is the only seat; replace it, or add another one first")
          : Optional.empty();
    } else if (change instanceof SeatChange.Replace replace) {
      if (!membership.has(replace.old())) {
        return Optional.of(replace.old() + " is no seat");
      }
      if (membership.has(replace.by())) {
        return Optional.of(replace.by() + " is a seat already");
      }
      return membership.members().size() == 1
          ? Optional.of(
              "%s is the only seat: add %s, then remove %s"
                  .formatted(replace.old(), replace.by(), replace.old()))
          : Optional.empty();
    }
    throw new IllegalArgumentException("unknown change " + change);
  }

  /**
   * Why the cluster would stand still after this change; empty when it would not.
   *
   * @param answering seats of this membership that follow the coordinator
   */
  public static Optional<String> lostMajority(
      Membership membership, SeatChange change, Set<SeatId> answering) {
    int seats = membership.members().size();
    int left = answering.size();
    if (change instanceof SeatChange.Add) {
      // the newcomer helps only where nobody could be missing before
      seats++;
      left++;
    } else if (change instanceof SeatChange.Remove remove) {
      seats--;
      left -= answering.contains(remove.seat()) ? 1 : 0;
    } else if (change instanceof SeatChange.Replace replace) {
      left -= answering.contains(replace.old()) ? 1 : 0;
    }
    int needed = seats / 2 + 1;
    return left >= needed
        ? Optional.empty()
        : Optional.of(
            "it would leave %d of %d seats that answer, and %d must; bring a seat back, or replace one that is gone"
                .formatted(left, seats, needed));
  }
}
