package io.lockstep.coordinator.plan;

/**
 * Bytes that training keeps for each parameter.
 *
 * @param weights as the forward pass reads them
 * @param gradients as backward leaves them
 * @param optimizer between steps: a float32 copy of the weights where there is one, two moments
 * @param update on top of those while the optimizer steps
 */
public record Precision(
    String name, Range weights, Range gradients, Range optimizer, Range update) {
  /**
   * DeepSpeed with bf16 or fp16: 2 + 2 + 12 (ZeRO paper, arXiv 1910.02054, K = 12; float32 12/W in
   * every case of real DeepSpeed on CPU, training.md 4.2). In the step a float32 copy of the
   * gradients takes the place of the 2-byte ones (+2 at least); torch's foreach AdamW adds one more
   * float32 tensor, and the 2-byte gradients may not be freed yet (+8: 24 bytes in all at the peak
   * of ZeRO-0 and ZeRO-3 on the H200).
   */
  public static final Precision MIXED =
      new Precision(
          "bf16/fp16 with float32 master weights",
          Range.exactly(2),
          Range.exactly(2),
          Range.exactly(12),
          new Range(2, 8));

  /** Everything float32: weights 4, gradients 4, two moments 8; foreach AdamW one tensor more. */
  public static final Precision FULL =
      new Precision("float32", Range.exactly(4), Range.exactly(4), Range.exactly(8), Range.upTo(4));

  /** Weights loaded as bf16 and no DeepSpeed: torch's AdamW has moments of the weights' type. */
  public static final Precision PURE =
      new Precision(
          "bf16/fp16 without master weights",
          Range.exactly(2),
          Range.exactly(2),
          Range.exactly(4),
          Range.upTo(4));

  /** No DeepSpeed, and the script decides how it loads the weights: {@link #PURE} or float32. */
  public static final Precision UNKNOWN =
      new Precision(
          "bf16 or float32, as the script loads them",
          new Range(2, 4),
          new Range(2, 4),
          new Range(4, 8),
          Range.upTo(4));
}
