package io.lockstep.agent.check;

import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.ReasonCode;
import java.util.List;

/** No repair of a GPU's memory waits for a reset, and none has failed. */
final class GpuRemapCheck extends GpuCheck {
  GpuRemapCheck() {
    super(ReasonCode.GPU_REMAP);
  }

  @Override
  Finding look(Subject subject, List<GpuState> gpus) {
    List<GpuState> bad = gpus.stream().filter(g -> !g.repairs().isEmpty()).toList();
    return bad.isEmpty()
        ? ok("no row to remap, no repair that failed")
        : fail(
            "pending: reset the GPU (nvidia-smi --gpu-reset -i "
                + indices(bad)
                + ") or reboot; failure or unrepairable: have it replaced",
            "%s",
            each(bad, g -> String.join(", ", g.repairs())));
  }
}
