package io.lockstep.agent.check;

import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.ReasonCode;
import java.util.List;

/** The driver does not ask for a reset or a reboot (R570 and newer say so themselves). */
final class GpuRecoveryCheck extends GpuCheck {
  GpuRecoveryCheck() {
    super(ReasonCode.GPU_RECOVERY);
  }

  @Override
  Finding look(Subject subject, List<GpuState> gpus) {
    List<GpuState> bad = gpus.stream().filter(g -> g.recovery().isPresent()).toList();
    return bad.isEmpty()
        ? ok("the driver asks for nothing")
        : fail(
            "do as the driver asks, then lockstep doctor again",
            "the driver asks for a recovery: %s",
            each(bad, g -> g.recovery().orElse("")));
  }
}
