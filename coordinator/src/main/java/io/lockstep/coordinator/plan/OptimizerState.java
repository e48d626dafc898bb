package io.lockstep.coordinator.plan;

/**
 * Float32 master weights and Adam's two moments: 12Ψ, from stage 1 on 1/N of it for each worker
 * (ZeRO paper, K = 12; float32 12/W measured in every case, training.md 4.2). Offloaded: none on
 * the GPU.
 */
final class OptimizerState {
  private OptimizerState() {}

  static Part of(Setup setup) {
    if (setup.zero().offload().isOptimizer()) {
      return Part.always("optimizer", Range.NONE, "offloaded to the host");
    }
    Range state = setup.precision().optimizer();
    String share = setup.stage() >= 1 ? " / " + setup.world() + " workers" : "";
    return Part.always(
        "optimizer",
        state.times(setup.total()).sharedBy(setup.shards(1)),
        Words.perParameter(state) + share + " (ZeRO paper, K=12; measured on CPU)");
  }
}
