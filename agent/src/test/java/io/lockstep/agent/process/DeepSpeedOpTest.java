package io.lockstep.agent.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.agent.process.DeepSpeedOp.Accelerator;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which ops a configuration has DeepSpeed build; the rules are those of its engine. */
class DeepSpeedOpTest {
  private static String config(String optimizer, String more, String device) {
    return "{\"optimizer\": {\"type\": \"%s\", \"params\": {%s}}, \"zero_optimization\": %s}"
        .formatted(
            optimizer, more, "{\"offload_optimizer\": {\"device\": \"%s\"}}".formatted(device));
  }

  private static Set<DeepSpeedOp> on(Accelerator accelerator, String json) {
    return DeepSpeedOp.of(Optional.of(json), accelerator);
  }

  @ParameterizedTest
  @CsvSource({
    "AdamW, none, FUSED_ADAM",
    "Adam, cpu, CPU_ADAM",
    "AdamW, nvme, CPU_ADAM",
    "Muon, none, FUSED_ADAM",
    "Lion, none, FUSED_LION",
    "Lion, cpu, CPU_LION",
    "Lamb, none, FUSED_LAMB",
    "Adagrad, cpu, CPU_ADAGRAD",
  })
  void anOptimizerOfDeepSpeedsHasItsOp(String optimizer, String device, DeepSpeedOp op) {
    assertThat(on(Accelerator.CUDA, config(optimizer, "", device))).containsExactly(op);
  }

  @Test
  void torchsOwnOptimizersHaveNone() {
    String plain = config("AdamW", "\"torch_adam\": true", "none");
    assertThat(on(Accelerator.CUDA, plain)).isEmpty();
    assertThat(on(Accelerator.CUDA, config("SGD", "", "none"))).isEmpty();
    assertThat(on(Accelerator.CUDA, config("Adagrad", "", "none"))).isEmpty();
  }

  @Test
  void onCpuItsCommunicationIsBuiltWhateverTheConfiguration() {
    assertThat(on(Accelerator.CPU, "{}")).containsExactly(DeepSpeedOp.SHM_COMM);
    assertThat(on(Accelerator.CPU, config("AdamW", "", "none")))
        .containsExactly(DeepSpeedOp.SHM_COMM, DeepSpeedOp.FUSED_ADAM);
    assertThat(on(Accelerator.CPU, config("Lamb", "", "none")))
        .containsExactly(DeepSpeedOp.SHM_COMM);
    assertThat(on(Accelerator.CUDA, "{}")).isEmpty();
  }

  @Test
  void anOffloadedOptimizerOfTheScriptsOwnBecomesCpuAdamUnlessTheConfigurationAllowsIt() {
    String own = "{\"zero_optimization\": {\"offload_optimizer\": {\"device\": \"cpu\"}}%s}";
    assertThat(on(Accelerator.CUDA, own.formatted(""))).containsExactly(DeepSpeedOp.CPU_ADAM);
    assertThat(on(Accelerator.CUDA, own.formatted(", \"zero_force_ds_cpu_optimizer\": false")))
        .isEmpty();
  }

  @Test
  void withoutAConfigurationNothingIsKnown() {
    assertThat(DeepSpeedOp.of(Optional.empty(), Accelerator.CPU)).isEmpty();
    assertThat(on(Accelerator.CUDA, "{ no JSON")).isEmpty();
  }

  @Test
  void theEnvironmentDecidesBeforeTheHost() {
    assertThat(Accelerator.of(Map.of(), true)).isEqualTo(Accelerator.CUDA);
    assertThat(Accelerator.of(Map.of(), false)).isEqualTo(Accelerator.CPU);
    assertThat(Accelerator.of(Map.of("DS_ACCELERATOR", "cpu"), true)).isEqualTo(Accelerator.CPU);
    assertThat(Accelerator.of(Map.of("DS_ACCELERATOR", "npu"), false)).isEqualTo(Accelerator.OTHER);
  }
}
