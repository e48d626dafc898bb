package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.RankActivity;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.ToLongFunction;

/**
 * Names ranks that are slower than the others; nothing is ever done about them.
 *
 * <p>In lock step every rank waits for the slowest one, so all show the same time of a step. What
 * can be measured from outside is less: steps that ranks print before they wait, and, where waiting
 * sleeps (gloo), the CPU that each needs. Where waiting spins (NCCL) neither tells.
 */
final class Stragglers {
  /** So many times the median is slow. */
  static final int FACTOR = 2;

  /** Below this a median is of a few ranks' chance. */
  static final int MIN_RANKS = 3;

  /** A median worker that uses more is spinning, or all compute alike: CPU tells nothing. */
  static final int MOST_MEDIAN_PERMILLE = 450;

  /** Less than this is a heartbeat thread. */
  static final int LEAST_BUSY_PERMILLE = 100;

  /** Named in one attempt: more than these are no stragglers. */
  static final int MAX_NAMED = 8;

  private Stragglers() {}

  /** The slow ones now, by rank. */
  static List<Straggler> of(GangActivity seen) {
    List<GangActivity.OnNode> ranks = seen.ranks();
    var slow = new ArrayList<Straggler>();
    List<GangActivity.OnNode> timed =
        ranks.stream().filter(at -> at.rank().stepMillis() > 0).toList();
    long step = median(timed, RankActivity::stepMillis);
    if (timed.size() >= MIN_RANKS) {
      timed.stream()
          .filter(at -> at.rank().stepMillis() > FACTOR * step)
          .forEach(
              at ->
                  slow.add(
                      new Straggler(
                          at.node(),
                          at.rank().rank(),
                          "a step takes it %s, the median is %s"
                              .formatted(text(at.rank().stepMillis()), text(step)))));
    }
    long busy = median(ranks, RankActivity::meanBusyPermille);
    if (ranks.size() >= MIN_RANKS && busy >= LEAST_BUSY_PERMILLE && busy <= MOST_MEDIAN_PERMILLE) {
      ranks.stream()
          .filter(at -> at.rank().meanBusyPermille() > FACTOR * busy)
          .filter(at -> slow.stream().noneMatch(s -> s.rank() == at.rank().rank()))
          .forEach(
              at ->
                  slow.add(
                      new Straggler(
                          at.node(),
                          at.rank().rank(),
                          "it computes %d %% of the time, the median is %d %%: the others wait"
                              .formatted(at.rank().meanBusyPermille() / 10, busy / 10))));
    }
    slow.sort(Comparator.comparingInt(Straggler::rank));
    return slow.size() > MAX_NAMED ? List.of() : slow;
  }

  /** Says of each once in an attempt that it is slow. */
  static void note(Deciding d, AttemptState attempt, GangActivity seen) {
    int room = MAX_NAMED - attempt.slow().size();
    of(seen).stream()
        .filter(s -> !attempt.slow().contains(s.rank()))
        .limit(Math.max(0, room))
        .forEach(
            s ->
                d.event(
                    new ClusterEvent.StragglerSeen(
                        attempt.fence(),
                        s.node(),
                        s.rank(),
                        d.now(),
                        Reason.of(ReasonCode.STRAGGLER, "%s; nothing is done about it", s))));
  }

  private static String text(long millis) {
    return TimeText.of(Duration.ofMillis(millis));
  }

  private static long median(List<GangActivity.OnNode> ranks, ToLongFunction<RankActivity> value) {
    long[] sorted = ranks.stream().mapToLong(at -> value.applyAsLong(at.rank())).sorted().toArray();
    return sorted.length == 0 ? 0 : sorted[sorted.length / 2];
  }
}
