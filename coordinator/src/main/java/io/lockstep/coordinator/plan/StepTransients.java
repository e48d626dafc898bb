package io.lockstep.coordinator.plan;

/**
 * What the optimizer's step takes for a moment: a float32 copy of the gradient shard and torch
 * AdamW's foreach tensor ({@link Precision#MIXED}). Stages 1 and 2 do so with all of their shard;
 * stage 3 with sub_group_size elements at a time, beside its gradient buffer that stays (stage3.py,
 * step). Peak of 22 (ZeRO-1, 2) and 24 (ZeRO-0, 3) bytes per parameter on one H200. Offloaded: one
 * float32 buffer of the largest module (stage_1_and_2.py, grads via GPU).
 */
final class StepTransients {
  private StepTransients() {}

  static Part of(Setup setup) {
    if (setup.zero().offload().isOptimizer()) {
      long most = Math.min(setup.total(), setup.shape().largestModule()) * 4;
      return new Part(
          "step transients", Range.NONE, Range.upTo(most), "float32 buffer of one module");
    }
    long shard = Range.share(setup.total(), setup.shards(1));
    long atOnce = setup.stage() == 3 ? Math.min(shard, setup.zero().subGroup()) : shard;
    return new Part(
        "step transients",
        Range.NONE,
        setup.precision().update().times(atOnce),
        "float32 gradients and foreach tensors of AdamW (measured on an H200)");
  }
}
