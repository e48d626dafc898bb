package io.lockstep.protocol.api;

import java.util.Optional;

/**
 * Says that an answer is what one seat last accepted, since no coordinator with a majority of the
 * seats answered. It may be out of date.
 *
 * @param seat as {@code host:akkaPort}
 * @param term under which the seat accepted it
 * @param version count of events that it stands for
 * @param ageSeconds since the seat last accepted anything; empty when before its daemon started
 * @param why why nobody knows better
 */
public record LastKnownView(
    String seat, long term, long version, Optional<Long> ageSeconds, String why) {
  /**
   * The HTTP header that such an answer has, with {@link #sentence(LastKnownView)} as its value.
   */
  public static final String HEADER = "Lockstep-Last-Known";

  /** For people, in one line. */
  public static String sentence(LastKnownView view) {
    return "no coordinator with a majority of the seats answers; this is what seat %s last knew (version %d, %s): %s"
        .formatted(
            view.seat,
            view.version,
            view.ageSeconds.map(s -> s + " s ago").orElse("from before its daemon started"),
            view.why);
  }
}
