package io.lockstep.coordinator.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * Counts are those of the models that transformers 5.18.0 builds from the same configurations on
 * the meta device (sum of numel over parameters()).
 */
class ParameterCountTest {
  @Test
  void denseModelsCountAsTransformersBuildsThem() throws Exception {
    assertThat(total(Shapes.qwen06())).isEqualTo(596_049_920L);
    assertThat(total(Shapes.qwen3(4_096, 36, 32, 12_288, false))).isEqualTo(8_190_735_360L);
    assertThat(total(Shapes.qwen32())).isEqualTo(32_762_123_264L);
    assertThat(total(Shapes.decoder("qwen2", 3_584, 28, 28, 4, 18_944, 152_064, false)))
        .isEqualTo(7_615_616_512L);
    assertThat(total(Shapes.decoder("qwen2", 8_192, 80, 64, 8, 29_568, 152_064, false)))
        .isEqualTo(72_706_203_648L);
    assertThat(total(Shapes.decoder("llama", 4_096, 32, 32, 8, 14_336, 128_256, false)))
        .isEqualTo(8_030_261_248L);
    assertThat(total(Shapes.decoder("mistral", 4_096, 32, 32, 8, 14_336, 32_000, false)))
        .isEqualTo(7_241_732_096L);
  }

  @Test
  void gpt2CountsAsTransformersBuildsIt() throws Exception {
    Map<String, Object> config =
        Map.of(
            "model_type",
            "gpt2",
            "vocab_size",
            50_257,
            "n_embd",
            768,
            "n_layer",
            12,
            "n_head",
            12,
            "n_positions",
            1_024);

    assertThat(total(config)).isEqualTo(124_439_808L);
  }

  @Test
  void ofExpertsOnlyThoseThatATokenVisitsAreActive() throws Exception {
    Map<String, Object> qwen = Shapes.decoder("qwen3_moe", 2_048, 48, 32, 4, 6_144, 151_936, false);
    qwen.putAll(
        Map.of(
            "head_dim",
            128,
            "moe_intermediate_size",
            768,
            "num_experts",
            128,
            "num_experts_per_tok",
            8));
    Map<String, Object> mixtral =
        Shapes.decoder("mixtral", 4_096, 32, 32, 8, 14_336, 32_000, false);
    mixtral.putAll(Map.of("num_local_experts", 8, "num_experts_per_tok", 2));

    ParameterCount ofQwen = ParameterCount.of(ModelConfig.shape(qwen));
    ParameterCount ofMixtral = ParameterCount.of(ModelConfig.shape(mixtral));

    assertThat(ofQwen.total()).isEqualTo(30_532_122_624L);
    // 28,991,029,248 are in experts, of which 8 of 128 are visited
    assertThat(ofQwen.active()).isEqualTo(30_532_122_624L - 28_991_029_248L / 128 * 120);
    assertThat(ofMixtral.total()).isEqualTo(46_702_792_704L);
    assertThat(ofMixtral.active()).isEqualTo(46_702_792_704L - 45_097_156_608L / 8 * 6);
  }

  @Test
  void denseLayersAmongExpertsAreCountedAsSuch() throws Exception {
    Map<String, Object> all = Shapes.decoder("qwen3_moe", 64, 4, 4, 2, 256, 1_000, false);
    all.putAll(Map.of("moe_intermediate_size", 32, "num_experts", 4, "num_experts_per_tok", 2));
    var some = new LinkedHashMap<>(all);
    some.put("mlp_only_layers", List.of(0));

    // a layer of 4 experts of 32 with a router of 64 x 4, against one block of 256
    assertThat(total(some) - total(all)).isEqualTo(3 * 64 * 256 - (4 * 3 * 64 * 32 + 64 * 4));
  }

  @Test
  void whatIsMissingOrUnknownIsNamed() {
    assertThatThrownBy(() -> ModelConfig.shape(Map.of("model_type", "mamba")))
        .isInstanceOf(Unplannable.class)
        .hasMessageContaining("mamba")
        .hasMessageContaining("--params");
    assertThatThrownBy(() -> ModelConfig.shape(Map.of("model_type", "llama", "hidden_size", 8)))
        .hasMessageContaining("num_attention_heads is missing");
    Map<String, Object> wrong = Shapes.qwen06();
    wrong.put("hidden_size", -1);
    assertThatThrownBy(() -> ModelConfig.shape(wrong)).hasMessageContaining("found: -1");
  }

  private static long total(Map<String, Object> config) throws Unplannable {
    return ParameterCount.of(ModelConfig.shape(config)).total();
  }
}
