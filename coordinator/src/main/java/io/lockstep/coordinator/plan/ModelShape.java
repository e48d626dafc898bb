package io.lockstep.coordinator.plan;

/**
 * The sizes of a decoder that parameters and activations follow from.
 *
 * @param feedForward width of one feed-forward block (of one expert in a layer of experts)
 * @param experts experts in each layer of experts; 0 in a dense model
 * @param expertsPerToken experts that a token visits
 * @param denseLayers layers with a dense block, of width {@code denseFeedForward}
 * @param tied the output layer is the embedding
 */
public record ModelShape(
    String modelType,
    long vocabulary,
    long hidden,
    long layers,
    long heads,
    long keyValueHeads,
    long headDimension,
    long feedForward,
    long experts,
    long expertsPerToken,
    long denseLayers,
    long denseFeedForward,
    long positions,
    boolean tied,
    boolean queryBias,
    boolean outputBias,
    boolean feedForwardBias,
    boolean headNorms) {

  public boolean isGpt2() {
    return modelType.equals("gpt2");
  }

  public boolean isOfExperts() {
    return experts > 0;
  }

  long queryWidth() {
    return heads * headDimension;
  }

  long keyWidth() {
    return keyValueHeads * headDimension;
  }

  long expertLayers() {
    return isOfExperts() ? layers - denseLayers : 0;
  }

  /** Parameters of the largest module that stage 3 gathers at once: the embedding or a layer. */
  long largestModule() {
    long layer =
        isOfExperts() && expertLayers() > 0
            ? ParameterCount.ofExpertLayer(this, experts)
            : ParameterCount.ofDenseLayer(this, feedForward);
    return Math.max(vocabulary * hidden, layer);
  }

  /** The same model with another number of layers. */
  ModelShape withLayers(long count) {
    return new ModelShape(
        modelType,
        vocabulary,
        hidden,
        count,
        heads,
        keyValueHeads,
        headDimension,
        feedForward,
        experts,
        expertsPerToken,
        Math.min(denseLayers, count),
        denseFeedForward,
        positions,
        tied,
        queryBias,
        outputBias,
        feedForwardBias,
        headNorms);
  }
}
