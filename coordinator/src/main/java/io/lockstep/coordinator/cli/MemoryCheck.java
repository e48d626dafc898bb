package io.lockstep.coordinator.cli;

import io.lockstep.coordinator.plan.Admission;
import io.lockstep.coordinator.plan.Hardware;
import io.lockstep.coordinator.plan.PlanRequest;
import io.lockstep.coordinator.plan.Planner;
import io.lockstep.coordinator.plan.Unplannable;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.ReasonedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * Asks, before a job is queued, whether the cluster's cards can hold it. Done here and not by the
 * coordinator, which reads no files: the model's config.json lies where the job file does. Where
 * that is not to be read, or the cluster has no GPUs, nothing is said.
 */
final class MemoryCheck {
  private MemoryCheck() {}

  static Admission of(JobSpec job, Session session) throws ReasonedException {
    Optional<Path> model = job.paths().model().map(Path::of);
    if (model.filter(folder -> Files.isRegularFile(folder.resolve("config.json"))).isEmpty()) {
      return Admission.UNKNOWN;
    }
    Optional<Hardware> hardware = HardwareOptions.ofCluster(job, session);
    if (hardware.isEmpty()) {
      return Admission.UNKNOWN;
    }
    try {
      Map<String, Object> config = ModelFolder.config(model.get());
      return Planner.admission(
          new PlanRequest(
              job,
              Optional.of(config),
              PlanInputs.zero(job),
              PlanInputs.shipped(),
              OptionalLong.empty(),
              OptionalInt.empty(),
              OptionalLong.empty(),
              hardware.get(),
              false,
              false));
    } catch (Unplannable e) {
      return Admission.UNKNOWN; // another kind of model, or flags of another kind of script
    }
  }
}
