package io.lockstep.agent.check;

import com.fasterxml.jackson.databind.JsonNode;
import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.ReasonCode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** What DeepSpeed needs to build an op at the first start is there, where it will build one. */
final class OpBuildCheck implements Check {
  private static final Set<String> FUSED = Set.of("adam", "adamw", "fusedadam");

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
    List<String> missing = new ArrayList<>();
    Optional<Op> op = subject.launch().flatMap(l -> op(l, subject));
    if (subject.launch().isPresent() && op.isEmpty()) {
      return skipped("the job has no op built");
    }
    boolean cuda = op.map(Op::cuda).orElse(false);
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
    if (missing.isEmpty()) {
      return ok("%s", cuda ? "compiler, ninja, Python.h, nvcc" : "compiler, ninja, Python.h");
    }
    String found = "not found: " + String.join(", ", missing);
    return op.isPresent()
        ? fail(
            "install it; or do without the op: torch_adam: true for FusedAdam, no offload for"
                + " cpu_adam",
            "DeepSpeed builds %s for this job; %s",
            op.get().name(),
            found)
        : warn("install it where jobs offload, or use DeepSpeed's fused Adam", "%s", found);
  }

  private record Op(String name, boolean cuda) {}

  /** As DeepSpeed's engine chooses it by the configuration. */
  private static Optional<Op> op(LaunchSpec launch, Subject subject) {
    if (launch.zeroJson().isEmpty()) {
      return Optional.empty();
    }
    JsonNode config = Bf16Check.read(launch.zeroJson().get());
    JsonNode optimizer = config.path("optimizer");
    String type = optimizer.path("type").asText().toLowerCase(Locale.ROOT);
    boolean plain = optimizer.path("params").path("torch_adam").asBoolean();
    String offload =
        config.path("zero_optimization").path("offload_optimizer").path("device").asText("none");
    if (!FUSED.contains(type) || plain) {
      return Optional.empty();
    }
    if (!offload.equals("none")) {
      return Optional.of(new Op("cpu_adam", false));
    }
    return subject.gpus().gpus().isEmpty()
        ? Optional.empty()
        : Optional.of(new Op("fused_adam", true));
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
