package io.lockstep.protocol.model;

/** How a job's checkpoints are laid out on disk, which decides when one counts as complete. */
public enum CheckpointFormat {
  /** HF Trainer folders checkpoint-N with DeepSpeed shards inside. */
  HF_DEEPSPEED("hf-deepspeed"),
  /** HF Trainer folders checkpoint-N without DeepSpeed shards. */
  HF("hf"),
  /** DeepSpeed's own global_stepN folders. */
  DEEPSPEED("deepspeed"),
  /** The job keeps its checkpoints to itself. */
  NONE("none");

  private final String text;

  CheckpointFormat(String text) {
    this.text = text;
  }

  /** As written in a job file. */
  public String text() {
    return text;
  }
}
