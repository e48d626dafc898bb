package io.lockstep.coordinator.plan;

/**
 * cuBLAS's workspaces (32 MiB for each handle on Hopper, 8 MiB before) and small tensors. On the
 * H200 0.02 to 0.07 GB remained after all other parts.
 */
final class Workspaces {
  private static final long LEAST = 8L << 20;
  private static final long MOST = 256L << 20;

  private Workspaces() {}

  static Part of() {
    return Part.always(
        "workspaces", new Range(LEAST, MOST), "cuBLAS and small tensors, 8 to 256 MiB");
  }
}
