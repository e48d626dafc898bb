package io.lockstep.protocol.model;

import java.util.List;

/**
 * Where DeepSpeed's tool puts a checkpoint that any number of ranks can load, and how it is run.
 */
public final class UniversalCheckpoint {
  /** Written last by the tool, beside the folder that it names. */
  public static final String LATEST = "latest_universal";

  private static final String SUFFIX = "_universal";

  private UniversalCheckpoint() {}

  /** The folder with the ranks' shards. */
  public static String shards(String checkpoint, CheckpointFormat format, long step) {
    return format == CheckpointFormat.HF_DEEPSPEED
        ? checkpoint + "/global_step" + step
        : checkpoint;
  }

  /** The folder that the tool writes: beside the shards, where DeepSpeed looks for it. */
  public static String folder(String checkpoint, CheckpointFormat format, long step) {
    return shards(checkpoint, format, step) + SUFFIX;
  }

  /**
   * The command that converts.
   *
   * <p>{@code --inject_missing_state}: what ZeRO-1 and ZeRO-2 write lacks the version of the
   * universal format, and the tool refuses it without this flag (deepspeed 0.19.8).
   *
   * @param to where to; {@link #folder} is where it is looked for
   */
  public static List<String> command(String python, String shards, String to) {
    return List.of(
        python,
        "-m",
        "deepspeed.checkpoint.ds_to_universal",
        "--inject_missing_state",
        "--input_folder",
        shards,
        "--output_folder",
        to);
  }
}
