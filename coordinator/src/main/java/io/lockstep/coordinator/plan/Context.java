package io.lockstep.coordinator.plan;

/**
 * The CUDA context and NCCL's buffers, outside torch's allocator: on H200s 1.4 GB for a worker that
 * is alone, 1.9 to 2.2 GB with NCCL (docs/memory-model.md); 0.5 GB is the least that older cards
 * are said to need (training.md 4.3).
 */
final class Context {
  private static final long LEAST = 500_000_000L;
  private static final long MOST = 2_500_000_000L;

  private Context() {}

  static Part of() {
    return Part.always(
        "CUDA context, NCCL",
        new Range(LEAST, MOST),
        "0.5 to 2.5 GB per process (1.4 to 2.2 measured on H200s)");
  }
}
