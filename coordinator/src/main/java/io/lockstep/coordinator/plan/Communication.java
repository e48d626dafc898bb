package io.lockstep.coordinator.plan;

/**
 * What each worker sends in one optimizer step of {@code a} micro batches. Stage 0 and 1: 2Ψ
 * elements (reduce-scatter and all-gather); stage 2, and stage 1 with overlap_comm, reduce the
 * gradients in every micro batch: (a+1)Ψ (stage_1_and_2.py); stage 3 also gathers the weights twice
 * in each: 3aΨ (ZeRO paper; training.md 4.4). Of N workers (N-1)/N of it crosses a wire.
 *
 * @param multiple how many times Ψ elements
 */
public record Communication(long multiple, long bytesPerStep, String source) {
  static Communication of(Setup setup) {
    long accumulation = setup.accumulation();
    boolean everyMicroBatch = setup.stage() == 2 || (setup.stage() == 1 && setup.zero().overlap());
    long multiple = setup.stage() == 3 ? 3 * accumulation : everyMicroBatch ? accumulation + 1 : 2;
    String formula = setup.stage() == 3 ? "3aΨ" : everyMicroBatch ? "(a+1)Ψ" : "2Ψ";
    long world = setup.world();
    double bytes = (double) multiple * setup.total() * Setup.HALF * ((double) (world - 1) / world);
    return new Communication(
        multiple, Math.round(bytes), formula + " elements with a = " + accumulation);
  }
}
