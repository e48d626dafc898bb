package io.lockstep.agent.host;

import io.lockstep.protocol.model.LaunchSpec;

/**
 * The ranks of an attempt that run on this node.
 *
 * @param worldSize of the attempt; 0 when there is none
 * @param looksAtAll true on the node that opens every file: the others trust it with what their
 *     ranks do not load, or a gang of N nodes would open every shard N times
 */
record OwnRanks(int first, int count, int worldSize, boolean looksAtAll) {
  /** Of no attempt: everything is looked at. */
  static final OwnRanks NONE = new OwnRanks(0, 0, 0, true);

  static OwnRanks of(LaunchSpec launch) {
    int procs = launch.rankTable().procsPerNode();
    return new OwnRanks(
        launch.nodeRank() * procs, procs, launch.rankTable().worldSize(), launch.nodeRank() == 0);
  }

  boolean contains(int rank) {
    return rank >= first && rank < first + count;
  }
}
