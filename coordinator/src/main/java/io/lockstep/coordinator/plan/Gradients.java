package io.lockstep.coordinator.plan;

/**
 * The gradients: 2Ψ, of which from stage 2 on each worker keeps 1/N (ZeRO paper). Stage 1 keeps 1/N
 * only once they are reduced: while it accumulates without overlap_comm it holds all of them
 * (stage_1_and_2.py; training.md 4.2). When backward begins there are none of this micro batch yet,
 * but those of earlier ones. With the optimizer offloaded they leave for the host as they come, so
 * the GPU may hold none.
 */
final class Gradients {
  private Gradients() {}

  static Part of(Setup setup) {
    Range whole = setup.precision().gradients().times(setup.total());
    Range shard = whole.sharedBy(setup.shards(1));
    boolean accumulates = setup.accumulation() > 1;
    boolean isWholeBetween =
        setup.stage() == 0 || (setup.stage() == 1 && accumulates && !setup.zero().overlap());
    Range between = isWholeBetween ? whole : shard;
    Range update = new Range(shard.lowBytes(), between.highBytes());
    Range backward = accumulates || setup.stage() == 3 ? between : Range.upTo(between.highBytes());
    if (setup.zero().offload().isOptimizer()) {
      update = Range.upTo(update.highBytes());
      backward = Range.upTo(backward.highBytes());
    }
    String share = setup.stage() == 0 ? "" : " / " + setup.world() + " workers once reduced";
    return new Part(
        "gradients",
        backward,
        update,
        Words.perParameter(setup.precision().gradients()) + share + " (ZeRO paper)");
  }
}
