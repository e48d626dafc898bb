package io.lockstep.agent.check;

import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.ReasonCode;

/** An NVIDIA device has a driver that answers: there is no silent run on CPUs. */
final class GpuDriverCheck implements Check {
  @Override
  public ReasonCode code() {
    return ReasonCode.GPU_DRIVER;
  }

  @Override
  public Finding look(Subject subject) {
    GpuReading read = subject.gpus();
    if (read.problem().isPresent()) {
      return fail(
          "run nvidia-smi on the node; install or reload the driver, reboot where it hangs",
          "%s",
          read.problem().get());
    }
    return read.gpus().isEmpty()
        ? skipped("no NVIDIA GPU")
        : ok("%d GPUs, driver %s", read.gpus().size(), read.driver());
  }
}
