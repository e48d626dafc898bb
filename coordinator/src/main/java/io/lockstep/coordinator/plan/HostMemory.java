package io.lockstep.coordinator.plan;

import java.util.ArrayList;
import java.util.List;

/**
 * What one host needs for all its workers. Offloaded optimizer: 12 bytes of state for each
 * parameter of its workers' shards, and 4 of float32 gradients; DeepSpeed's own estimators take 1.5
 * times the 16, or 1.5 times 4Ψ for each worker in stages 1 and 2 (stage_1_and_2.py, stage3.py,
 * estimate_*). Python with torch and CUDA: 0.5 GB (526 MB measured, training.md 7.2) to 4 GB for
 * each worker.
 *
 * @param total the sum of the parts
 */
public record HostMemory(List<Part> parts, Range total) {
  private static final long PYTHON_LEAST = 500_000_000L;
  private static final long PYTHON_MOST = 4_000_000_000L;

  public HostMemory {
    parts = List.copyOf(parts);
  }

  static HostMemory of(Setup setup) {
    var parts = new ArrayList<Part>();
    long workers = setup.procsPerNode();
    long onHost = Range.share(setup.total() * workers, setup.world());
    parts.add(
        Part.always(
            "python and torch",
            new Range(PYTHON_LEAST, PYTHON_MOST).times(workers),
            "0.5 (measured without CUDA) to 4 GB per worker"));
    parts.add(
        Part.always(
            "weights while loading",
            Range.upTo(setup.stage() == 3 ? onHost * 4 : setup.total() * 2 * workers),
            "a copy per worker, unless mapped from safetensors"));
    if (setup.zero().offload().isOptimizer()) {
      long startCopies = setup.stage() < 3 ? 4 * setup.total() * workers : 0;
      parts.add(
          Part.always(
              "offloaded optimizer",
              new Range(12 * onHost, Math.max(16 * onHost, startCopies) * 3 / 2),
              "12 B per parameter at least; high as DeepSpeed's estimator"));
    }
    if (setup.zero().offload() == Offload.OPTIMIZER_AND_PARAMETERS) {
      parts.add(
          Part.always("offloaded weights", new Range(2 * onHost, 3 * onHost), "2 B per parameter"));
    }
    Range total = parts.stream().map(Part::most).reduce(Range.NONE, Range::plus);
    return new HostMemory(parts, total);
  }
}
