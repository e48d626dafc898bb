package io.lockstep.coordinator.plan;

/**
 * A guess at the seconds of an optimizer step, good for putting choices in an order and for nothing
 * else: none of its speeds was measured here. Computing, sending and the host's optimizer follow
 * one another; recomputing activations costs a third of forward and backward (arXiv 2205.05198).
 */
final class StepCost {
  private static final double GPU_FLOPS = 400e12;
  private static final double IN_HOST_BYTES_PER_SECOND = 300e9;
  private static final double BETWEEN_HOSTS_BYTES_PER_SECOND = 25e9;
  private static final double PCIE_BYTES_PER_SECOND = 25e9;
  private static final double HOST_MEMORY_BYTES_PER_SECOND = 200e9;

  /** AdamW on the host reads and writes 12 bytes of state, reads 4 of gradient, writes 2. */
  private static final double HOST_BYTES_PER_PARAMETER = 30;

  private StepCost() {}

  static double seconds(Setup setup) {
    return computing(setup) + sending(setup) + offloading(setup);
  }

  private static double computing(Setup setup) {
    double tokens = (double) setup.tokens() * setup.accumulation();
    double flops = 6.0 * setup.parameters().active() * tokens;
    return flops * (setup.checkpointing() ? 4.0 / 3 : 1) / GPU_FLOPS;
  }

  private static double sending(Setup setup) {
    double speed = setup.nodes() == 1 ? IN_HOST_BYTES_PER_SECOND : BETWEEN_HOSTS_BYTES_PER_SECOND;
    return Communication.of(setup).bytesPerStep() / speed;
  }

  private static double offloading(Setup setup) {
    if (!setup.zero().offload().isOptimizer()) {
      return 0;
    }
    double shard = (double) setup.total() / setup.world();
    double moved = 2 * Setup.HALF * shard;
    if (setup.zero().offload() == Offload.OPTIMIZER_AND_PARAMETERS) {
      moved += 2.0 * Setup.HALF * shard * setup.accumulation();
    }
    double host = shard * setup.procsPerNode() * HOST_BYTES_PER_PARAMETER;
    return moved / PCIE_BYTES_PER_SECOND + host / HOST_MEMORY_BYTES_PER_SECOND;
  }
}
