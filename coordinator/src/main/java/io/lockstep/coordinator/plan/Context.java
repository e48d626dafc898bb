package io.lockstep.coordinator.plan;

/**
 * The CUDA context and NCCL's buffers, outside torch's allocator: 0.5 to 2 GB for each process,
 * from experience and not measured here (training.md 4.3).
 */
final class Context {
  private static final long LEAST = 500_000_000L;
  private static final long MOST = 2_000_000_000L;

  private Context() {}

  static Part of() {
    return Part.always(
        "CUDA context, NCCL", new Range(LEAST, MOST), "0.5 to 2 GB per process (not measured)");
  }
}
