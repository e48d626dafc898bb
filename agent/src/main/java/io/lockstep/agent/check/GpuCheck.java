package io.lockstep.agent.check;

import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.ReasonCode;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;

/** A check of the GPUs that a job uses. */
abstract class GpuCheck implements Check {
  private final ReasonCode code;

  GpuCheck(ReasonCode code) {
    this.code = code;
  }

  @Override
  public final ReasonCode code() {
    return code;
  }

  @Override
  public final Finding look(Subject subject) {
    List<GpuState> gpus = subject.used();
    if (subject.gpus().problem().isPresent()) {
      return skipped("the GPUs cannot be read, see GPU_DRIVER");
    }
    return gpus.isEmpty() ? skipped("no NVIDIA GPU") : look(subject, gpus);
  }

  /** At least one GPU is there. */
  abstract Finding look(Subject subject, List<GpuState> gpus);

  /** As {@code GPU 3 (uuid): 2 errors}. */
  static String each(List<GpuState> gpus, Function<GpuState, String> what) {
    return gpus.stream()
        .map(g -> "GPU " + g.index() + " (" + g.uuid() + "): " + what.apply(g))
        .collect(Collectors.joining(", "));
  }

  static String indices(List<GpuState> gpus) {
    return gpus.stream().map(g -> Integer.toString(g.index())).collect(Collectors.joining(","));
  }
}
