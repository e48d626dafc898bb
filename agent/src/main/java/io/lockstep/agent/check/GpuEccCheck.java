package io.lockstep.agent.check;

import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.ReasonCode;
import java.util.List;

/** No error in a GPU's memory that its ECC could not correct, since the last reset. */
final class GpuEccCheck extends GpuCheck {
  GpuEccCheck() {
    super(ReasonCode.GPU_ECC);
  }

  @Override
  Finding look(Subject subject, List<GpuState> gpus) {
    List<GpuState> bad = gpus.stream().filter(g -> g.eccVolatile() > 0).toList();
    long everBefore = gpus.stream().mapToLong(GpuState::eccAggregate).sum();
    return bad.isEmpty()
        ? ok("no uncorrected error since the last reset, %d before it", everBefore)
        : fail(
            "end what uses them and run nvidia-smi --gpu-reset -i "
                + indices(bad)
                + ", or reboot; have a GPU replaced that does it again",
            "uncorrected memory errors: %s",
            each(bad, g -> Long.toString(g.eccVolatile())));
  }
}
