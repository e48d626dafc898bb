package io.lockstep.agent.core;

import java.time.Duration;
import java.time.Instant;

/**
 * Says when to leave a stop to the shim, when to kill past it, and when to call the node unclean.
 */
final class StopLadder {
  /** The shim kills at the end of the grace and needs up to 10 s to prove the tree gone. */
  static final Duration SHIM_LIMIT = Duration.ofSeconds(12);

  /** A process that outlives this is in uninterruptible sleep. */
  static final Duration KILL_LIMIT = Duration.ofSeconds(30);

  private StopLadder() {}

  enum Rung {
    SHIM_IS_STOPPING,
    KILL_PAST_THE_SHIM,
    UNCLEAN
  }

  static Rung at(Instant stopBy, Instant now) {
    if (now.isBefore(stopBy.plus(SHIM_LIMIT))) {
      return Rung.SHIM_IS_STOPPING;
    }
    return now.isBefore(stopBy.plus(KILL_LIMIT)) ? Rung.KILL_PAST_THE_SHIM : Rung.UNCLEAN;
  }
}
