package io.lockstep.agent.check;

import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.ReasonCode;
import java.util.List;
import java.util.Set;

/** No GPU is held back by its hardware: by heat, or by its power supply. */
final class GpuThrottleCheck extends GpuCheck {
  // The driver's own slowdown may be of the job that has just ended.
  private static final Set<String> MILD = Set.of("sw_thermal_slowdown");

  GpuThrottleCheck() {
    super(ReasonCode.GPU_THROTTLED);
  }

  @Override
  Finding look(Subject subject, List<GpuState> gpus) {
    List<GpuState> slow = gpus.stream().filter(g -> !g.slowdowns().isEmpty()).toList();
    if (slow.isEmpty()) {
      return ok("none is held back");
    }
    String todo = "look at cooling and power supply: nvidia-smi -q -d PERFORMANCE,POWER";
    String found = each(slow, g -> String.join(", ", g.slowdowns().stream().sorted().toList()));
    return slow.stream().allMatch(g -> MILD.containsAll(g.slowdowns()))
        ? warn(todo, "%s", found)
        : fail(todo, "%s", found);
  }
}
