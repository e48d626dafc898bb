package io.lockstep.coordinator.plan;

import java.util.Optional;

/**
 * What the guide recommends by size: up to 13 B ZeRO-2 with checkpointing, about 32 B the same with
 * the optimizer offloaded, from 65 B on ZeRO-3 with offload and tuned buckets. Checkpointing
 * always.
 */
record GuideAdvice(int stage, Offload offload) {
  private static final long SMALL_MOST = 13_500_000_000L;
  private static final long MIDDLE_LEAST = 24_000_000_000L;
  private static final long MIDDLE_MOST = 48_000_000_000L;
  private static final long LARGE_LEAST = 60_000_000_000L;

  /** Empty for sizes between those that the guide names. */
  static Optional<GuideAdvice> of(long parameters) {
    if (parameters <= SMALL_MOST) {
      return Optional.of(new GuideAdvice(2, Offload.NONE));
    } else if (parameters >= MIDDLE_LEAST && parameters <= MIDDLE_MOST) {
      return Optional.of(new GuideAdvice(2, Offload.OPTIMIZER));
    } else if (parameters >= LARGE_LEAST) {
      return Optional.of(new GuideAdvice(3, Offload.OPTIMIZER_AND_PARAMETERS));
    }
    return Optional.empty();
  }

  /** The guide names no kind of offload for stage 3: either will do. */
  boolean isThat(Advice.Choice choice) {
    boolean sameOffload =
        stage == 3 ? choice.offload() != Offload.NONE : choice.offload() == offload;
    return choice.checkpointing() && choice.stage() == stage && sameOffload;
  }

  String words() {
    return "ZeRO-"
        + stage
        + " + checkpointing"
        + (stage == 3
            ? " + offload + bucket tuning"
            : offload == Offload.NONE ? "" : " + optimizer offload");
  }
}
