package io.lockstep.coordinator.plan;

import java.util.OptionalLong;

/**
 * How long a training is, as HF's Trainer counts (trainer.py, 5.18): of the samples each worker
 * gets a share, rounded up, in micro batches, rounded up; these make optimizer steps, rounded up;
 * epochs times that, rounded up. The last step is always saved.
 *
 * @param samplesPerStep samples of one optimizer step, over all workers
 * @param totalSteps empty when neither max_steps nor the number of samples is known
 * @param saveEvery steps between checkpoints; 0 when only the end is saved, or epochs decide
 * @param checkpoints that will be written, the last included; empty as totalSteps
 * @param keepLimit save_total_limit; 0 keeps all
 */
public record TrainingLength(
    long samplesPerStep,
    OptionalLong totalSteps,
    OptionalLong warmupSteps,
    long saveEvery,
    OptionalLong checkpoints,
    int keepLimit) {

  static TrainingLength of(TrainingFlags flags, OptionalLong samples, Setup setup)
      throws Unplannable {
    long perMicroBatch = setup.microBatch() * setup.world();
    long perStep = perMicroBatch * setup.accumulation();
    OptionalLong epoch = OptionalLong.empty();
    if (samples.isPresent()) {
      long microBatches = Range.share(samples.getAsLong(), perMicroBatch);
      epoch = OptionalLong.of(Math.max(1, Range.share(microBatches, setup.accumulation())));
    }
    double maxSteps = flags.number("max_steps").orElse(-1.0);
    OptionalLong total = OptionalLong.empty();
    if (maxSteps > 0) {
      total = OptionalLong.of((long) maxSteps);
    } else if (epoch.isPresent()) {
      double epochs = flags.number("num_train_epochs").orElse(3.0);
      total = OptionalLong.of((long) Math.ceil(epochs * epoch.getAsLong()));
    }
    String strategy = flags.text("save_strategy").orElse("steps");
    boolean byEpoch = strategy.equals("epoch");
    boolean never = strategy.equals("no");
    int keep = (int) Math.max(0, flags.number("save_total_limit").orElse(0.0));
    if (total.isEmpty()) {
      return new TrainingLength(
          perStep, total, total, saveEvery(flags, strategy, 0), OptionalLong.empty(), keep);
    }
    long steps = total.getAsLong();
    long every = byEpoch ? epoch.orElse(0) : saveEvery(flags, strategy, steps);
    long written = never || steps == 0 ? 0 : every == 0 ? 1 : Range.share(steps, every);
    return new TrainingLength(
        perStep,
        total,
        OptionalLong.of(warmup(flags, steps)),
        every,
        OptionalLong.of(written),
        keep);
  }

  /** Steps between checkpoints; 0 when none is written before the last step. */
  long midRun() {
    return checkpoints.isPresent() && checkpoints.getAsLong() < 2 ? 0 : saveEvery;
  }

  private static long saveEvery(TrainingFlags flags, String strategy, long steps)
      throws Unplannable {
    if (!strategy.equals("steps")) {
      return 0;
    }
    double every = flags.number("save_steps").orElse(500.0);
    if (every <= 0) {
      throw new Unplannable("args: --save_steps must be above 0, found: " + every);
    }
    return (long) (every < 1 ? Math.max(1, Math.ceil(every * steps)) : every);
  }

  /** Steps, or a part of all where the number is below 1; DeepSpeed wants at least one. */
  private static long warmup(TrainingFlags flags, long steps) throws Unplannable {
    double given = flags.number("warmup_steps").orElse(0.0);
    double ratio = given > 0 && given < 1 ? given : flags.number("warmup_ratio").orElse(0.0);
    return (long) (given >= 1 ? given : Math.ceil(ratio * steps));
  }
}
