package io.lockstep.coordinator.plan;

/**
 * All that memory depends on.
 *
 * @param parameters of the whole model; may differ from what the shape gives, where only a number
 *     is known
 * @param deepSpeed false: torch's own DistributedDataParallel
 * @param sequence tokens of a sample
 * @param microBatch samples that a worker takes at once
 * @param accumulation micro batches of one optimizer step
 * @param checkpointing activations are computed a second time in backward
 * @param flash attention does not keep its s·s matrix (sdpa, flash_attention_2)
 */
public record Setup(
    ModelShape shape,
    ParameterCount parameters,
    Precision precision,
    boolean deepSpeed,
    ZeroSettings zero,
    int nodes,
    int procsPerNode,
    int sequence,
    int microBatch,
    int accumulation,
    boolean checkpointing,
    boolean flash) {
  /** Bytes of a parameter or gradient on the wire and in buckets. */
  static final long HALF = 2;

  public Setup {
    if (nodes < 1 || procsPerNode < 1 || sequence < 1 || microBatch < 1 || accumulation < 1) {
      throw new IllegalArgumentException(
          "nodes, workers, sequence, micro batch and accumulation must be 1 or more, found: "
              + nodes
              + ", "
              + procsPerNode
              + ", "
              + sequence
              + ", "
              + microBatch
              + ", "
              + accumulation);
    }
  }

  public int stage() {
    return zero.stage();
  }

  public long world() {
    return (long) nodes * procsPerNode;
  }

  long total() {
    return parameters.total();
  }

  /** Tokens that a worker holds at once. */
  long tokens() {
    return (long) sequence * microBatch;
  }

  /** Workers among which something is divided from a stage on; 1 below it. */
  long shards(int fromStage) {
    return stage() >= fromStage ? world() : 1;
  }

  /** The same training with DeepSpeed and other settings. */
  Setup with(ZeroSettings settings, boolean recompute, int micro, int accumulated) {
    return new Setup(
        shape,
        parameters,
        Precision.MIXED,
        true,
        settings,
        nodes,
        procsPerNode,
        sequence,
        micro,
        accumulated,
        recompute,
        flash);
  }
}
