package io.lockstep.agent.host;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.GpuInfo;
import org.junit.jupiter.api.Test;

/** What nvidia-smi says, and what it says when it is ill. */
class HostInventoryTest {
  @Test
  void everyLineIsAGpu() {
    var gpus =
        HostInventory.parse("0, GPU-aa, NVIDIA H200, 143771\n1, GPU-bb, NVIDIA H200, 143771\n");
    assertThat(gpus.problem()).isEmpty();
    assertThat(gpus.found())
        .containsExactly(
            new GpuInfo(0, "GPU-aa", "NVIDIA H200", 143_771L << 20),
            new GpuInfo(1, "GPU-bb", "NVIDIA H200", 143_771L << 20));
  }

  @Test
  void anythingElseIsAProblemAndNoGpu() {
    for (String said : new String[] {"No devices were found", "0, GPU-aa, H200, [N/A]"}) {
      assertThat(HostInventory.parse(said).problem()).isPresent();
      assertThat(HostInventory.parse(said).found()).isEmpty();
    }
  }
}
