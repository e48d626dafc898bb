package io.lockstep.coordinator.plan;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Reads a model folder's config.json, as a map, into a shape. */
public final class ModelConfig {
  private static final List<String> KNOWN =
      List.of("gpt2", "llama", "mistral", "mixtral", "qwen2", "qwen3", "qwen3_moe");

  /** Above any model; products of such numbers still fit a long. */
  private static final long MAX_SIZE = 10_000_000;

  private final Map<String, ?> config;
  private final String type;

  private ModelConfig(Map<String, ?> config, String type) {
    this.config = config;
    this.type = type;
  }

  /** The shape; refused when a size is missing or the kind of model is not known. */
  public static ModelShape shape(Map<String, ?> config) throws Unplannable {
    Object type = config.get("model_type");
    if (!(type instanceof String name) || !KNOWN.contains(name)) {
      throw new Unplannable(
          "config.json: model_type must be one of "
              + String.join(", ", KNOWN)
              + ", found: "
              + type
              + "; say --params instead");
    }
    var reader = new ModelConfig(config, name);
    ModelShape shape = name.equals("gpt2") ? reader.gpt2() : reader.decoder();
    if (shape.expertsPerToken() > shape.experts()) {
      throw new Unplannable(
          "config.json: num_experts_per_tok must be at most the number of experts, found: "
              + shape.expertsPerToken()
              + " of "
              + shape.experts());
    }
    return shape;
  }

  private ModelShape gpt2() throws Unplannable {
    long hidden = need("n_embd");
    long heads = need("n_head");
    return new ModelShape(
        type,
        need("vocab_size"),
        hidden,
        need("n_layer"),
        heads,
        heads,
        hidden / heads,
        size("n_inner").orElse(4 * hidden),
        0,
        0,
        0,
        0,
        need("n_positions"),
        flag("tie_word_embeddings", true),
        true,
        true,
        true,
        false);
  }

  private ModelShape decoder() throws Unplannable {
    long hidden = need("hidden_size");
    long heads = need("num_attention_heads");
    long layers = need("num_hidden_layers");
    long wide = need("intermediate_size");
    boolean isQwenOfExperts = type.equals("qwen3_moe");
    long experts =
        isQwenOfExperts
            ? size("num_experts").orElse(size("num_local_experts").orElse(0L))
            : type.equals("mixtral") ? need("num_local_experts") : 0;
    long visited = experts == 0 ? 0 : need("num_experts_per_tok");
    boolean isLlama = type.equals("llama");
    boolean attentionBias = flag("attention_bias", false);
    return new ModelShape(
        type,
        need("vocab_size"),
        hidden,
        layers,
        heads,
        size("num_key_value_heads").orElse(heads),
        size("head_dim").orElse(hidden / heads),
        isQwenOfExperts && experts > 0 ? need("moe_intermediate_size") : wide,
        experts,
        visited,
        experts == 0 ? 0 : layers - layersOfExperts(layers),
        wide,
        0,
        flag("tie_word_embeddings", false),
        type.equals("qwen2") || attentionBias,
        !type.equals("qwen2") && attentionBias,
        isLlama && flag("mlp_bias", false),
        type.startsWith("qwen3"));
  }

  /** As Qwen3MoeDecoderLayer of transformers chooses: every n-th, and none of mlp_only_layers. */
  private long layersOfExperts(long layers) throws Unplannable {
    long every = size("decoder_sparse_step").orElse(1L);
    List<?> dense = config.get("mlp_only_layers") instanceof List<?> list ? list : List.of();
    long count = 0;
    for (long layer = 0; layer < layers; layer++) {
      String name = Long.toString(layer);
      boolean isDense = dense.stream().anyMatch(item -> String.valueOf(item).equals(name));
      count += !isDense && (layer + 1) % every == 0 ? 1 : 0;
    }
    return count;
  }

  private long need(String key) throws Unplannable {
    Optional<Long> size = size(key);
    if (size.isEmpty()) {
      throw new Unplannable(
          "config.json: " + key + " is missing for a model of type " + type + "; say --params");
    }
    return size.get();
  }

  private Optional<Long> size(String key) throws Unplannable {
    Object value = config.get(key);
    if (value == null) {
      return Optional.empty();
    }
    if (value instanceof Integer || value instanceof Long) {
      long number = ((Number) value).longValue();
      if (number >= 1 && number <= MAX_SIZE) {
        return Optional.of(number);
      }
    }
    throw new Unplannable(
        "config.json: "
            + key
            + " must be a whole number from 1 to "
            + MAX_SIZE
            + ", found: "
            + value);
  }

  private boolean flag(String key, boolean otherwise) {
    return config.get(key) instanceof Boolean value ? value : otherwise;
  }
}
