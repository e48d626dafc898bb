package io.lockstep.coordinator.plan;

/**
 * The weights that forward reads: 2Ψ; from stage 3 on each worker keeps 1/N of them (ZeRO paper,
 * arXiv 1910.02054). With parameters offloaded only DeepSpeed's staging buffers are on the GPU: 5
 * buffers of 1e8 elements at most (runtime/zero/offload_config.py, 0.19.6).
 */
final class Weights {
  private static final long STAGING_ELEMENTS = 5 * 100_000_000L;

  private Weights() {}

  static Part of(Setup setup) {
    Range shard = setup.precision().weights().times(setup.total()).sharedBy(setup.shards(3));
    if (setup.zero().offload() == Offload.OPTIMIZER_AND_PARAMETERS) {
      long staged = Math.min(shard.highBytes(), STAGING_ELEMENTS * Setup.HALF);
      return Part.always("weights", Range.upTo(staged), "offloaded; staging buffers of DeepSpeed");
    }
    String share = setup.stage() >= 3 ? " / " + setup.world() + " workers" : "";
    return Part.always(
        "weights",
        shard,
        Words.perParameter(setup.precision().weights()) + share + " (ZeRO paper)");
  }
}
