package io.lockstep.coordinator.cli;

import io.lockstep.coordinator.jobfile.ShippedZero;
import io.lockstep.coordinator.jobfile.ZeroJson;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.ReasonedException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** DeepSpeed configurations as a plan wants them. */
final class PlanInputs {
  private PlanInputs() {}

  /** The job's own, or the shipped one of its stage. */
  static Optional<Map<String, Object>> zero(JobSpec job) throws ReasonedException {
    if (job.zero().isEmpty()) {
      return Optional.empty();
    }
    JobSpec.Zero zero = job.zero().get();
    String json = zero.json().orElseGet(() -> ShippedZero.json(zero.stage()));
    return Optional.of(ZeroJson.read(json));
  }

  /** The shipped ones, of stages 1, 2 and 3. */
  static List<Map<String, Object>> shipped() throws ReasonedException {
    var shipped = new ArrayList<Map<String, Object>>();
    for (int stage = 1; stage <= 3; stage++) {
      shipped.add(ZeroJson.read(ShippedZero.json(stage)));
    }
    return shipped;
  }
}
