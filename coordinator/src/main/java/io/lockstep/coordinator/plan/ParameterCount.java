package io.lockstep.coordinator.plan;

/**
 * Counts parameters from a model's shape: V·h (twice unless tied) + L·(h·H·d·2 + 2·h·KV·d + 3·h·i +
 * 2h) + h, with biases, head norms and experts where the model has them (training.md 4.3; equal to
 * what transformers 5.18 builds, ParameterCountTest). GPT-2: learned positions, fused biased
 * layers.
 *
 * @param active parameters that one token meets: all, but of experts only those it visits
 */
public record ParameterCount(long total, long active) {
  static ParameterCount of(ModelShape shape) {
    if (shape.isGpt2()) {
      long all = gpt2(shape);
      return new ParameterCount(all, all);
    }
    long ends = shape.vocabulary() * shape.hidden() * (shape.tied() ? 1 : 2) + shape.hidden();
    long expertLayers = shape.expertLayers();
    long denseLayers = shape.layers() - expertLayers;
    long width = shape.isOfExperts() ? shape.denseFeedForward() : shape.feedForward();
    long dense = denseLayers * ofDenseLayer(shape, width);
    return new ParameterCount(
        ends + dense + expertLayers * ofExpertLayer(shape, shape.experts()),
        ends + dense + expertLayers * ofExpertLayer(shape, shape.expertsPerToken()));
  }

  static long ofDenseLayer(ModelShape shape, long width) {
    if (shape.isGpt2()) {
      return gpt2Layer(shape);
    }
    long bias = shape.feedForwardBias() ? 2 * width + shape.hidden() : 0;
    return attention(shape) + 3 * shape.hidden() * width + bias;
  }

  static long ofExpertLayer(ModelShape shape, long experts) {
    long router = shape.hidden() * shape.experts();
    return attention(shape) + router + experts * 3 * shape.hidden() * shape.feedForward();
  }

  private static long attention(ModelShape shape) {
    long hidden = shape.hidden();
    long matrices = 2 * hidden * shape.queryWidth() + 2 * hidden * shape.keyWidth();
    long biases =
        (shape.queryBias() ? shape.queryWidth() + 2 * shape.keyWidth() : 0)
            + (shape.outputBias() ? hidden : 0);
    long norms = 2 * hidden + (shape.headNorms() ? 2 * shape.headDimension() : 0);
    return matrices + biases + norms;
  }

  private static long gpt2(ModelShape shape) {
    long hidden = shape.hidden();
    long embeddings = (shape.vocabulary() * (shape.tied() ? 1 : 2) + shape.positions()) * hidden;
    return embeddings + shape.layers() * gpt2Layer(shape) + 2 * hidden;
  }

  private static long gpt2Layer(ModelShape shape) {
    long hidden = shape.hidden();
    long width = shape.feedForward();
    long attention = 4 * hidden * hidden + 4 * hidden;
    return attention + 2 * hidden * width + width + hidden + 4 * hidden;
  }
}
