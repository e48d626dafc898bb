package io.lockstep.coordinator.plan;

/**
 * What backward needs from forward, s·b tokens at a time. With checkpointing 2·s·b·h·L bytes (the
 * input of each layer) and one layer's working set (Korthikanti et al., arXiv 2205.05198); without,
 * the working set of every layer.
 *
 * <p>A layer's working set is counted from the tensors that autograd keeps in bf16 in transformers'
 * SwiGLU decoders: norms 12h (float32 input and result), inputs of the matrices 4h, query, key,
 * value and output 4·Hd + 4·KVd, head norms 6·(Hd + KVd) where there are any, feed-forward 8i. The
 * high bound adds key and value repeated for all heads and a copy of the output: 6·Hd. On the H200
 * the 0.6B shape kept 75 kB for each token and layer; this gives 72 to 80. GPT-2: 34h by that
 * paper; its unfused GELU keeps 6·i more. Experts: feed-forward of the visited ones, with 4h to 8h
 * for each to send tokens out and back. Without flash attention the s·s matrix: 2 to 8 bytes for
 * each head and pair.
 */
final class Activations {
  private Activations() {}

  static Part of(Setup setup) {
    Range layer = layer(setup);
    long inputs = 2 * setup.tokens() * setup.shape().hidden() * setup.shape().layers();
    Range held =
        setup.checkpointing()
            ? Range.exactly(inputs).plus(layer)
            : layer.times(setup.shape().layers());
    return new Part(
        "activations",
        held,
        Range.NONE,
        setup.checkpointing()
            ? "2·s·b·h·L + one layer's tensors (arXiv 2205.05198)"
            : "tensors that autograd keeps, all layers (arXiv 2205.05198, counted)");
  }

  /** One layer's working set for one worker's tokens. */
  static Range layer(Setup setup) {
    ModelShape shape = setup.shape();
    Range token =
        shape.isGpt2() ? gpt2Token(shape) : attentionToken(shape).plus(feedForwardToken(shape));
    Range layer = token.times(setup.tokens());
    if (setup.flash()) {
      return layer;
    }
    long pairs = shape.heads() * setup.sequence() * setup.tokens();
    return layer.plus(new Range(2 * pairs, 8 * pairs));
  }

  private static Range gpt2Token(ModelShape shape) {
    long least = 34 * shape.hidden();
    return new Range(least, least + 6 * shape.feedForward());
  }

  private static Range attentionToken(ModelShape shape) {
    long norms = 12 * shape.hidden();
    long inputs = 4 * shape.hidden();
    long heads = shape.queryWidth() + shape.keyWidth();
    long least = norms + inputs + 4 * heads + (shape.headNorms() ? 6 * heads : 0);
    return new Range(least, least + 6 * shape.queryWidth());
  }

  private static Range feedForwardToken(ModelShape shape) {
    if (!shape.isOfExperts()) {
      return Range.exactly(8 * shape.feedForward());
    }
    long visited = shape.expertsPerToken();
    long experts = visited * 8 * shape.feedForward() + 4 * shape.experts();
    return new Range(
        experts + visited * 4 * shape.hidden(), experts + visited * 8 * shape.hidden());
  }
}
