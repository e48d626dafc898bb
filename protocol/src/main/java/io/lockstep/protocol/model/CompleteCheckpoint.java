package io.lockstep.protocol.model;

/**
 * A checkpoint that passed the completeness test on a node.
 *
 * @param worldSize number of ranks that wrote it; 0 where the format does not say
 * @param piece true when only the shards of the node's own ranks are there: node-local storage
 * @param universal true when it was converted and any number of ranks can load it, with {@code
 *     checkpoint.load_universal} in DeepSpeed's configuration
 */
public record CompleteCheckpoint(
    String path, long step, int worldSize, boolean piece, boolean universal) {
  /** All of it, as the ranks wrote it. */
  public CompleteCheckpoint(String path, long step, int worldSize) {
    this(path, step, worldSize, false, false);
  }
}
