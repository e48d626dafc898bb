package io.lockstep.coordinator.plan;

/**
 * The output layer's results, s·b·V of them: 2-byte logits, their float32 copy, log-softmax and its
 * gradient. 8 bytes each are there at once at least, 14 at most (training.md 4.3 has 2+4+4; on the
 * H200 10 fit). The guide does not count them.
 */
final class Logits {
  private Logits() {}

  static Part of(Setup setup) {
    long count = setup.tokens() * setup.shape().vocabulary();
    return new Part(
        "logits",
        new Range(8 * count, 14 * count),
        Range.NONE,
        "s·b·V × 8 to 14 B: logits, float32 copy, softmax, gradient");
  }
}
