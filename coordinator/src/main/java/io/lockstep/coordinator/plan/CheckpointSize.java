package io.lockstep.coordinator.plan;

import java.util.OptionalLong;

/**
 * One checkpoint on disk, all ranks together: 12 bytes of optimizer for each parameter, the weights
 * once as DeepSpeed's shards and once as model.safetensors, 2 bytes each (training.md 6). Without
 * DeepSpeed the weights once.
 *
 * @param kept most that lie there at once: save_total_limit and one more while it is written, since
 *     HF removes the oldest after the newest is whole (trainer.py, 5.18); empty when neither a
 *     limit nor the number of steps is known
 */
public record CheckpointSize(long eachBytes, OptionalLong kept, OptionalLong allBytes) {
  static CheckpointSize of(Setup setup, TrainingLength length) {
    Precision precision = setup.precision();
    long weights = precision.weights().highBytes() * (setup.deepSpeed() ? 2 : 1);
    long each = setup.total() * (precision.optimizer().highBytes() + weights);
    OptionalLong kept = kept(length);
    return new CheckpointSize(
        each, kept, kept.isPresent() ? OptionalLong.of(each * kept.getAsLong()) : kept);
  }

  private static OptionalLong kept(TrainingLength length) {
    OptionalLong written = length.checkpoints();
    if (length.keepLimit() == 0) {
      return written;
    }
    long limit = length.keepLimit() + 1L;
    return OptionalLong.of(written.isPresent() ? Math.min(limit, written.getAsLong()) : limit);
  }
}
