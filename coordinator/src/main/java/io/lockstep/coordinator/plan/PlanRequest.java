package io.lockstep.coordinator.plan;

import io.lockstep.protocol.model.JobSpec;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * What a plan is made from.
 *
 * @param model config.json of the model's folder; empty when there is none
 * @param zero the DeepSpeed configuration; empty when the job has none
 * @param shipped the project's own DeepSpeed configurations of stages 1, 2 and 3
 * @param parameters a number instead of the model's own
 * @param samples of one epoch
 */
public record PlanRequest(
    JobSpec job,
    Optional<Map<String, Object>> model,
    Optional<Map<String, Object>> zero,
    List<Map<String, Object>> shipped,
    OptionalLong parameters,
    OptionalInt sequence,
    OptionalLong samples,
    Hardware hardware,
    boolean guide,
    boolean advise) {
  public PlanRequest {
    shipped = List.copyOf(shipped);
  }
}
