package io.lockstep.coordinator.plan;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What a job will need. Sizes are bytes.
 *
 * @param model where the number of parameters is from
 * @param precision what is kept for each parameter
 * @param fit empty without a card to compare with
 * @param notes what was assumed
 */
public record Plan(
    String job,
    String model,
    ParameterCount parameters,
    Hardware hardware,
    String precision,
    int stage,
    Offload offload,
    int sequence,
    int microBatch,
    int accumulation,
    boolean checkpointing,
    GpuMemory gpu,
    HostMemory host,
    Optional<Fit> fit,
    CheckpointSize checkpoint,
    Communication communication,
    TrainingLength length,
    List<FailureRehearsal.Outcome> failures,
    List<Warning> warnings,
    List<String> notes,
    Optional<GuideTable> guide,
    Optional<Advice> advice) {
  public Plan {
    failures = List.copyOf(failures);
    warnings = List.copyOf(warnings);
    notes = List.copyOf(notes);
  }

  /** The same with what was found beside the model: more warnings, and perhaps a note. */
  public Plan with(List<Warning> more, Optional<String> note) {
    return new Plan(
        job,
        model,
        parameters,
        hardware,
        precision,
        stage,
        offload,
        sequence,
        microBatch,
        accumulation,
        checkpointing,
        gpu,
        host,
        fit,
        checkpoint,
        communication,
        length,
        failures,
        Stream.concat(warnings.stream(), more.stream()).toList(),
        Stream.concat(notes.stream(), note.stream()).toList(),
        guide,
        advice);
  }
}
