package io.lockstep.coordinator.plan;

/**
 * DeepSpeed's communication buffers. Stages 1 and 2: a reduce bucket from the first gradient to the
 * end of backward, two under overlap_comm (stage_1_and_2.py, setup_buckets), and after the step an
 * all-gather bucket. Stage 3: one reduce bucket, always (stage3.py; 1.0 GB of it shows on the H200
 * before the first step). Without DeepSpeed: DistributedDataParallel's buckets hold a second copy
 * of the gradients (torch, gradient_as_bucket_view=False).
 */
final class Buckets {
  private Buckets() {}

  static Part of(Setup setup) {
    if (!setup.deepSpeed()) {
      Range copy = setup.precision().gradients().times(setup.total());
      return Part.always(
          "buckets",
          setup.world() > 1 ? copy : Range.NONE,
          "DistributedDataParallel's copy of the gradients");
    }
    long reduce = Math.min(setup.zero().reduceBucket(), setup.total()) * Setup.HALF;
    if (setup.stage() == 3) {
      return Part.always("buckets", Range.exactly(reduce), "reduce_bucket_size");
    }
    if (setup.stage() == 0) {
      return Part.always("buckets", Range.NONE, "none in stage 0");
    }
    long most = setup.zero().overlap() ? 2 * reduce : reduce;
    long gather =
        setup.world() > 1
            ? Math.min(setup.zero().allgatherBucket(), setup.total()) * Setup.HALF
            : 0;
    return new Part(
        "buckets",
        new Range(reduce, most),
        Range.upTo(gather),
        "reduce_bucket_size (twice under overlap_comm), allgather_bucket_size");
  }
}
