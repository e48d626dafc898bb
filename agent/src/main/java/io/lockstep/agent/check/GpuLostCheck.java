package io.lockstep.agent.check;

import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.ReasonCode;
import java.util.List;

/**
 * No GPU has come or gone since the daemon started, nor is there a device that nvidia-smi does not
 * see.
 */
final class GpuLostCheck implements Check {
  @Override
  public ReasonCode code() {
    return ReasonCode.GPU_LOST;
  }

  @Override
  public Finding look(Subject subject) {
    if (subject.gpus().problem().isPresent()) {
      return skipped("the GPUs cannot be read, see GPU_DRIVER");
    }
    List<Integer> now = subject.gpus().gpus().stream().map(GpuState::index).toList();
    int nodes = new NvidiaDevices(subject.host().root()).nodes();
    int wanted = Math.max(subject.host().gpus().size(), nodes);
    if (wanted == 0 && now.isEmpty()) {
      return skipped("no NVIDIA GPU");
    }
    if (now.size() > subject.host().gpus().size()) {
      // it told the coordinator what it had then: this node would be taken for one without them
      return fail(
          "restart lockstepd there; groups run on meanwhile",
          "%d GPUs, and %d when the daemon started",
          now.size(),
          subject.host().gpus().size());
    }
    return now.size() >= wanted
        ? ok("%d of %d", now.size(), wanted)
        : fail(
            "look at dmesg for Xid 79; reboot the node, or restart lockstepd when they were taken"
                + " out on purpose",
            "%d GPUs of %d: %d were there when the daemon started, /dev has %d",
            now.size(),
            wanted,
            subject.host().gpus().size(),
            nodes);
  }
}
