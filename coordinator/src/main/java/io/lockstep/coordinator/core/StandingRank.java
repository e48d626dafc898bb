package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.GroupActivity.RankStack;
import io.lockstep.protocol.model.RankActivity;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * Names the worker that stood still while the others waited for it, where that can be told from
 * outside: all ranks of a gang in lock step stop at once, and most show nothing of their own.
 */
final class StandingRank {
  /** CPU below which a worker only waits, in thousandths of a core. */
  static final int IDLE_PERMILLE = 20;

  /** CPU above which it computes, or spins in a collective. */
  static final int BUSY_PERMILLE = 500;

  private StandingRank() {}

  /**
   * A worker and what gave it away.
   *
   * @param why ends the sentence "rank 3 stood still: …"
   */
  record Named(GangActivity.OnNode at, String why) {}

  /** The surest sign first; empty when all look alike. */
  static Optional<Named> of(GangActivity seen) {
    List<GangActivity.OnNode> ranks =
        seen.ranks().stream().sorted(Comparator.comparingInt(at -> at.rank().rank())).toList();
    return first(ranks, r -> r.state().equalsIgnoreCase("T"), "its process is stopped (state T)")
        .or(() -> first(ranks, r -> r.state().equals("D"), "it waits for a device (state D)"))
        .or(() -> behind(ranks))
        .or(() -> notInTheCollective(seen, ranks))
        .or(() -> unlikeTheOthers(ranks));
  }

  private static Optional<Named> first(
      List<GangActivity.OnNode> ranks, Predicate<RankActivity> is, String why) {
    return ranks.stream()
        .filter(at -> is.test(at.rank()))
        .findFirst()
        .map(at -> new Named(at, why));
  }

  /** Where several ranks print steps of their own. */
  private static Optional<Named> behind(List<GangActivity.OnNode> ranks) {
    List<GangActivity.OnNode> telling = ranks.stream().filter(at -> at.rank().step() >= 0).toList();
    long newest = telling.stream().mapToLong(at -> at.rank().step()).max().orElse(-1);
    return telling.stream()
        .min(Comparator.comparingLong(at -> at.rank().step()))
        .filter(at -> at.rank().step() < newest)
        .map(
            at ->
                new Named(
                    at,
                    "its last step is %d, others are at %d".formatted(at.rank().step(), newest)));
  }

  /** One that is elsewhere while all others wait for it in a collective. */
  private static Optional<Named> notInTheCollective(
      GangActivity seen, List<GangActivity.OnNode> ranks) {
    List<RankStack> stacks =
        seen.groups().values().stream()
            .flatMap(g -> g.stacks().stream())
            .flatMap(s -> s.ranks().stream())
            .filter(s -> s.taken().isPresent())
            .toList();
    List<RankStack> elsewhere = stacks.stream().filter(s -> !s.waits()).toList();
    boolean allAreKnown = stacks.size() == ranks.size() && ranks.size() > 1;
    if (!allAreKnown || elsewhere.size() != 1) {
      return Optional.empty();
    }
    RankStack one = elsewhere.get(0);
    return first(
        ranks,
        r -> r.rank() == one.rank(),
        "the others wait in a collective, it is at " + one.top());
  }

  /** NCCL spins while it waits, gloo sleeps: the one that does the other thing is it. */
  private static Optional<Named> unlikeTheOthers(List<GangActivity.OnNode> ranks) {
    List<GangActivity.OnNode> idle =
        ranks.stream().filter(at -> at.rank().busyPermille() <= IDLE_PERMILLE).toList();
    List<GangActivity.OnNode> busy =
        ranks.stream().filter(at -> at.rank().busyPermille() >= BUSY_PERMILLE).toList();
    if (ranks.size() < 2 || idle.size() + busy.size() < ranks.size()) {
      return Optional.empty();
    }
    if (idle.size() == 1) {
      return Optional.of(new Named(idle.get(0), "it uses no CPU while the others spin"));
    }
    return busy.size() == 1
        ? Optional.of(new Named(busy.get(0), "it is busy while the others sleep"))
        : Optional.empty();
  }
}
