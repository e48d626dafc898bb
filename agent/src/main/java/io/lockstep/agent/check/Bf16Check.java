package io.lockstep.agent.check;

import io.lockstep.agent.process.DeepSpeedConfig;
import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.ReasonCode;
import java.util.List;
import java.util.Set;

/** The GPUs compute in bfloat16 where the job does: Ampere, or newer. */
final class Bf16Check extends GpuCheck {
  private static final Set<String> OLDER =
      Set.of("Fermi", "Kepler", "Maxwell", "Pascal", "Volta", "Turing");

  Bf16Check() {
    super(ReasonCode.GPU_WITHOUT_BF16);
  }

  @Override
  Finding look(Subject subject, List<GpuState> gpus) {
    List<GpuState> old = gpus.stream().filter(g -> OLDER.contains(g.architecture())).toList();
    if (old.isEmpty()) {
      return ok("%s", gpus.get(0).name());
    }
    String found = each(old, g -> g.name() + " (" + g.architecture() + ")");
    String todo = "use fp16, or nodes with Ampere GPUs or newer";
    return wants(subject)
        ? fail(todo, "the job computes in bf16 and cannot here: %s", found)
        : warn(todo, "a job in bf16 cannot run here: %s", found);
  }

  private static boolean wants(Subject subject) {
    boolean byArgument =
        subject.job().filter(j -> j.args().stream().anyMatch(a -> a.equals("--bf16"))).isPresent();
    return byArgument
        || subject
            .launch()
            .flatMap(l -> l.zeroJson())
            .map(json -> DeepSpeedConfig.read(json).path("bf16").path("enabled"))
            .filter(enabled -> enabled.isBoolean() && enabled.asBoolean())
            .isPresent();
  }
}
