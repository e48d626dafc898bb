package io.lockstep.agent.check;

import io.lockstep.agent.process.DeepSpeedOp;
import io.lockstep.agent.process.DeepSpeedOp.Accelerator;
import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.ReasonCode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** What DeepSpeed needs to build an op at the first start is there, where it will build one. */
final class OpBuildCheck implements Check {
  private final VersionProbe probe;

  OpBuildCheck(VersionProbe probe) {
    this.probe = probe;
  }

  @Override
  public ReasonCode code() {
    return ReasonCode.OP_BUILD;
  }

  @Override
  public Finding look(Subject subject) {
    Accelerator accelerator = Accelerator.of(subject.env(), !subject.gpus().gpus().isEmpty());
    Set<DeepSpeedOp> ops =
        subject.launch().map(l -> DeepSpeedOp.of(l.zeroJson(), accelerator)).orElse(Set.of());
    if (subject.launch().isPresent() && ops.isEmpty()) {
      return skipped("the job has no op built");
    }
    boolean cuda = accelerator == Accelerator.CUDA && ops.stream().anyMatch(DeepSpeedOp::isKernel);
    List<String> missing = missing(subject, cuda);
    if (missing.isEmpty()) {
      return ok("%s", cuda ? "compiler, ninja, Python.h, nvcc" : "compiler, ninja, Python.h");
    }
    String found = "not found: " + String.join(", ", missing);
    return ops.isEmpty()
        ? warn("install it where jobs offload, or use DeepSpeed's fused Adam", "%s", found)
        : fail(
            ops.equals(Set.of(DeepSpeedOp.SHM_COMM))
                ? "install it"
                : "install it; or do without the optimizer's op: torch_adam: true for FusedAdam, no"
                    + " offload for cpu_adam",
            "DeepSpeed builds %s for this job; %s",
            ops.stream().map(DeepSpeedOp::builder).collect(Collectors.joining(", ")),
            found);
  }

  private List<String> missing(Subject subject, boolean cuda) {
    List<String> missing = new ArrayList<>();
    String compiler = subject.env().getOrDefault("CXX", "c++");
    if (!subject.onPath(compiler) && !Files.isExecutable(Path.of(compiler))) {
      missing.add("the C++ compiler " + compiler);
    }
    if (!subject.onPath("ninja")) {
      missing.add("ninja on the PATH of the daemon");
    }
    probe
        .of(subject.python(), subject.env())
        .filter(facts -> !facts.hasHeaders())
        .ifPresent(facts -> missing.add("Python.h in " + facts.include()));
    if (cuda && !hasNvcc(subject)) {
      missing.add("nvcc (CUDA_HOME, or on the PATH)");
    }
    return missing;
  }

  private static boolean hasNvcc(Subject subject) {
    if (subject.onPath("nvcc")) {
      return true;
    }
    for (String home :
        List.of(
            subject.env().getOrDefault("CUDA_HOME", ""),
            subject.env().getOrDefault("CUDA_PATH", ""),
            "/usr/local/cuda")) {
      if (!home.isEmpty() && Files.isExecutable(Path.of(home, "bin", "nvcc"))) {
        return true;
      }
    }
    return false;
  }
}
