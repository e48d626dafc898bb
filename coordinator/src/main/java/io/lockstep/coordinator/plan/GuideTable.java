package io.lockstep.coordinator.plan;

import java.util.List;
import java.util.Optional;

/**
 * The guide's own memory table for 32e9 parameters on 8 GPUs, in GB, beside what this model gives
 * for the same (training.md 4.1). The true range has no activations: low is the state between
 * steps, high adds the step's transients.
 *
 * @param activations what the guide says of them
 * @param ownActivations what this model gives for the job's shape and batch
 */
public record GuideTable(
    List<Row> rows, List<ActivationRow> activations, Range ownActivations, Range ownCheckpointed) {
  private static final long PARAMETERS = 32_000_000_000L;
  private static final int GPUS = 8;
  private static final long GB = 1_000_000_000L;

  private static final String K12 =
      "the guide's optimizer is 4 B per parameter; bf16 training keeps float32 weights and two"
          + " float32 moments, 12 B";

  /**
   * One line.
   *
   * @param totalGb the number that the guide prints; {@code approximate} as it says itself
   * @param parts its parameters, gradients and optimizer in GB; empty where it gives none
   * @param why why the true range is another one
   */
  public record Row(
      String mode,
      int totalGb,
      boolean approximate,
      Optional<Parts> parts,
      Range actual,
      String why) {}

  /** The guide's three columns, GB. */
  public record Parts(int parametersGb, int gradientsGb, int optimizerGb) {}

  /** The guide's range, GB. */
  public record ActivationRow(String mode, String rule, int lowGb, int highGb) {}

  public GuideTable {
    rows = List.copyOf(rows);
    activations = List.copyOf(activations);
  }

  static GuideTable of(Setup job) {
    return new GuideTable(
        List.of(
            row(job, "no ZeRO", 256, parts(64, 64, 128), 0, Offload.NONE, K12),
            row(job, "ZeRO-1", 144, parts(64, 64, 16), 1, Offload.NONE, K12 + " / 8"),
            row(job, "ZeRO-2", 88, parts(64, 8, 16), 2, Offload.NONE, K12 + " / 8"),
            row(
                job,
                "ZeRO-2 + optimizer offload",
                72,
                Optional.empty(),
                2,
                Offload.OPTIMIZER,
                "right for 2 + 2/8 B; gradients may leave at once; the host needs 12 B and more"
                    + " per parameter, which the guide does not say"),
            row(job, "ZeRO-3", 32, parts(8, 8, 16), 3, Offload.NONE, K12 + " / 8"),
            row(
                job,
                "ZeRO-3 + offload",
                24,
                parts(8, 8, 0),
                3,
                Offload.OPTIMIZER,
                "its own lines give 16, and it does not say what the other 8 are; gathered weights"
                    + " come on top")),
        List.of(
            new ActivationRow("without checkpointing", "20-40 % of the parameters", 12, 25),
            new ActivationRow("with checkpointing", "", 3, 8)),
        activations(job, false),
        activations(job, true));
  }

  private static Row row(
      Setup job,
      String mode,
      int total,
      Optional<Parts> parts,
      int stage,
      Offload offload,
      String why) {
    return new Row(mode, total, total == 24, parts, actual(job, stage, offload), why);
  }

  /** State, and at most the step's transients and gathered weights. */
  private static Range actual(Setup job, int stage, Offload offload) {
    Setup setup =
        new Setup(
            job.shape(),
            new ParameterCount(PARAMETERS, PARAMETERS),
            Precision.MIXED,
            true,
            ZeroSettings.defaults(stage).with(offload),
            1,
            GPUS,
            job.sequence(),
            job.microBatch(),
            job.accumulation(),
            true,
            job.flash());
    long low = GpuMemory.of(setup).state().lowBytes();
    long high =
        Weights.of(setup).most().highBytes()
            + Gradients.of(setup).most().highBytes()
            + OptimizerState.of(setup).most().highBytes()
            + Math.max(
                StepTransients.of(setup).most().highBytes(),
                LiveParameters.of(setup).most().highBytes());
    return new Range(low, high);
  }

  private static Range activations(Setup job, boolean recompute) {
    Setup setup = job.with(job.zero(), recompute, job.microBatch(), job.accumulation());
    return Activations.of(setup).most().plus(Logits.of(setup).most());
  }

  private static Optional<Parts> parts(int parameters, int gradients, int optimizer) {
    return Optional.of(new Parts(parameters, gradients, optimizer));
  }

  /** The guide's arithmetic: (2 + 2 + 4)Ψ, each divided as ZeRO divides it. */
  static long byItsFormula(int stage, boolean optimizerOffloaded) {
    long weights = 2 * PARAMETERS / (stage >= 3 ? GPUS : 1);
    long gradients = 2 * PARAMETERS / (stage >= 2 ? GPUS : 1);
    long optimizer = optimizerOffloaded ? 0 : 4 * PARAMETERS / (stage >= 1 ? GPUS : 1);
    return (weights + gradients + optimizer) / GB;
  }
}
