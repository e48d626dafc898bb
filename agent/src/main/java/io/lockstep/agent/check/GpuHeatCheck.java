package io.lockstep.agent.check;

import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.ReasonCode;
import java.util.List;

/** No GPU is so hot that it slows itself down. */
final class GpuHeatCheck extends GpuCheck {
  /** For a driver that tells no threshold. */
  private static final int HOT_CELSIUS = 90;

  GpuHeatCheck() {
    super(ReasonCode.GPU_HOT);
  }

  @Override
  Finding look(Subject subject, List<GpuState> gpus) {
    List<GpuState> hot = gpus.stream().filter(GpuHeatCheck::isHot).toList();
    int most = gpus.stream().mapToInt(g -> g.celsius().orElse(0)).max().orElse(0);
    return hot.isEmpty()
        ? ok("%d °C at most", most)
        : fail(
            "look at fans, airflow and the room; a slow GPU makes the whole gang slow",
            "too hot: %s",
            each(hot, g -> g.celsius().map(c -> c + " °C").orElse("no reading")));
  }

  private static boolean isHot(GpuState gpu) {
    return gpu.celsiusLeft()
        .map(left -> left <= 0)
        .orElseGet(() -> gpu.celsius().filter(c -> c >= HOT_CELSIUS).isPresent());
  }
}
