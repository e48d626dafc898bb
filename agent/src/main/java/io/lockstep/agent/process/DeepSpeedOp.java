package io.lockstep.agent.process;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** An op that DeepSpeed compiles at its first use, and which of them a job uses; pure. */
public enum DeepSpeedOp {
  /** By DeepSpeed's communication on CPU, whatever the configuration. */
  SHM_COMM("deepspeed_shm_comm"),
  CPU_ADAM("cpu_adam"),
  CPU_ADAGRAD("cpu_adagrad"),
  CPU_LION("cpu_lion"),
  FUSED_ADAM("fused_adam"),
  FUSED_LION("fused_lion"),
  FUSED_LAMB("fused_lamb");

  private final String builder;

  DeepSpeedOp(String builder) {
    this.builder = builder;
  }

  /** What DeepSpeed calls it. */
  public String builder() {
    return builder;
  }

  /** Whether it is compiled for the GPU itself where there is one, so by nvcc. */
  public boolean isKernel() {
    return this == FUSED_ADAM || this == FUSED_LION || this == FUSED_LAMB;
  }

  /** What DeepSpeed computes on, by its own choice. */
  public enum Accelerator {
    CPU,
    CUDA,
    /** One that Lockstep knows nothing of. */
    OTHER;

    /**
     * As DeepSpeed chooses it.
     *
     * @param env of the workers
     */
    public static Accelerator of(Map<String, String> env, boolean hasGpus) {
      return switch (env.getOrDefault("DS_ACCELERATOR", hasGpus ? "cuda" : "cpu")) {
        case "cpu" -> CPU;
        case "cuda" -> CUDA;
        default -> OTHER;
      };
    }
  }

  /**
   * What each worker of a job loads, as DeepSpeed 0.19's engine chooses it.
   *
   * @param zeroJson the job's DeepSpeed configuration; without one nothing is known, so none
   */
  public static Set<DeepSpeedOp> of(Optional<String> zeroJson, Accelerator accelerator) {
    Set<DeepSpeedOp> ops = EnumSet.noneOf(DeepSpeedOp.class);
    if (zeroJson.isPresent()) {
      if (accelerator == Accelerator.CPU) {
        ops.add(SHM_COMM);
      }
      optimizer(DeepSpeedConfig.read(zeroJson.get()), accelerator).ifPresent(ops::add);
    }
    return ops;
  }

  private static Optional<DeepSpeedOp> optimizer(JsonNode config, Accelerator accelerator) {
    JsonNode optimizer = config.path("optimizer");
    boolean offloads =
        !config
            .path("zero_optimization")
            .path("offload_optimizer")
            .path("device")
            .asText("none")
            .equals("none");
    return switch (optimizer.path("type").asText().toLowerCase(Locale.ROOT)) {
      case "adam", "adamw", "muon" ->
          optimizer.path("params").path("torch_adam").asBoolean()
              ? Optional.empty()
              : Optional.of(offloads ? CPU_ADAM : FUSED_ADAM);
      case "adagrad" -> offloads ? Optional.of(CPU_ADAGRAD) : Optional.empty();
      case "lion" -> offloads ? Optional.of(CPU_LION) : FUSED_LION.whereThereIsOne(accelerator);
      case "lamb" -> FUSED_LAMB.whereThereIsOne(accelerator);
      // the script's own: DeepSpeed takes none but its cpu_adam, which accelerate makes of it
      case "" ->
          offloads && config.path("zero_force_ds_cpu_optimizer").asBoolean(true)
              ? Optional.of(CPU_ADAM)
              : Optional.empty();
      default -> Optional.empty();
    };
  }

  /** On CPU DeepSpeed has no fused optimizer but Adam, and fails. */
  private Optional<DeepSpeedOp> whereThereIsOne(Accelerator accelerator) {
    return accelerator == Accelerator.CPU ? Optional.empty() : Optional.of(this);
  }
}
