package io.lockstep.agent.check;

import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.ReasonCode;
import java.util.List;

/** No GPU is cut into instances, which a list of GPU numbers cannot name. */
final class GpuMigCheck extends GpuCheck {
  GpuMigCheck() {
    super(ReasonCode.GPU_MIG);
  }

  @Override
  Finding look(Subject subject, List<GpuState> gpus) {
    List<GpuState> cut = gpus.stream().filter(GpuState::mig).toList();
    return cut.isEmpty()
        ? ok("off")
        : warn(
            "nvidia-smi -mig 0 -i " + indices(cut) + ", or give the job other devices",
            "MIG is on: a worker sees one instance of GPU %s, not the GPU",
            indices(cut));
  }
}
