package io.lockstep.coordinator.plan;

import java.util.LinkedHashMap;
import java.util.Map;

/** Models and trainings that tests count with. */
final class Shapes {
  private Shapes() {}

  /** config.json of a Qwen3 model. */
  static Map<String, Object> qwen3(
      int hidden, int layers, int heads, int feedForward, boolean tied) {
    Map<String, Object> config =
        decoder("qwen3", hidden, layers, heads, 8, feedForward, 151_936, tied);
    config.put("head_dim", 128);
    return config;
  }

  static Map<String, Object> decoder(
      String type,
      int hidden,
      int layers,
      int heads,
      int keyValueHeads,
      int feedForward,
      int vocabulary,
      boolean tied) {
    var config = new LinkedHashMap<String, Object>();
    config.put("model_type", type);
    config.put("hidden_size", hidden);
    config.put("num_hidden_layers", layers);
    config.put("num_attention_heads", heads);
    config.put("num_key_value_heads", keyValueHeads);
    config.put("intermediate_size", feedForward);
    config.put("vocab_size", vocabulary);
    config.put("tie_word_embeddings", tied);
    return config;
  }

  static Map<String, Object> qwen06() {
    return qwen3(1_024, 28, 16, 3_072, true);
  }

  static Map<String, Object> qwen32() {
    return qwen3(5_120, 64, 64, 25_600, false);
  }

  /** The shapes that were measured later, on other cards (docs/memory-model.md). */
  static Map<String, Object> named(String name) {
    return switch (name) {
      case "qwen17" -> qwen3(2_048, 28, 16, 6_144, true);
      case "llama15" -> decoder("llama", 2_048, 16, 32, 8, 8_192, 128_256, false);
      case "gpt2m" -> gpt2(1_024, 24, 16, 50_257);
      default -> throw new IllegalArgumentException(name);
    };
  }

  private static Map<String, Object> gpt2(int hidden, int layers, int heads, int vocabulary) {
    var config = new LinkedHashMap<String, Object>();
    config.put("model_type", "gpt2");
    config.put("n_embd", hidden);
    config.put("n_layer", layers);
    config.put("n_head", heads);
    config.put("vocab_size", vocabulary);
    config.put("n_positions", 1_024);
    return config;
  }

  static ModelShape shape(Map<String, Object> config) {
    try {
      return ModelConfig.shape(config);
    } catch (Unplannable e) {
      throw new AssertionError(e);
    }
  }

  /** A bf16 training with DeepSpeed's defaults for a stage, checkpointing on. */
  static Setup setup(
      ModelShape shape, ZeroSettings zero, int world, int sequence, int micro, int accumulation) {
    return new Setup(
        shape,
        ParameterCount.of(shape),
        Precision.MIXED,
        true,
        zero,
        1,
        world,
        sequence,
        micro,
        accumulation,
        true,
        true);
  }

  static Setup withoutCheckpointing(Setup setup) {
    return setup.with(setup.zero(), false, setup.microBatch(), setup.accumulation());
  }
}
