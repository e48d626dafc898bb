package io.lockstep.coordinator.plan;

/**
 * Weights that stage 3 has gathered for the moment: at least the largest module's, at most
 * stage3_max_live_parameters and one module more (DeepSpeed's documents; its estimator counts 4
 * bytes for each parameter of the largest layer, stage3.py). A single worker has nothing to gather.
 */
final class LiveParameters {
  private LiveParameters() {}

  static Part of(Setup setup) {
    if (setup.stage() < 3) {
      return Part.always("gathered weights", Range.NONE, "stage 3 only");
    }
    long largest = Math.min(setup.shape().largestModule(), setup.total());
    long most = Math.min(setup.total(), setup.zero().maxLiveParameters() + largest);
    long least = setup.world() > 1 ? largest : 0;
    return new Part(
        "gathered weights",
        new Range(least * Setup.HALF, most * Setup.HALF),
        Range.NONE,
        "largest module to stage3_max_live_parameters, 2 B each");
  }
}
