package io.lockstep.protocol.model;

import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * What a group's workers did lately. Everything is an age or a length by the shim's own monotonic
 * clock, so no two clocks need to agree, and a coordinator that is new knows as much as the one
 * before.
 *
 * @param motionMillis since training was last seen to move: a step, a bar, a loss, a file written
 * @param lifeMillis since a worker last used the CPU or did I/O
 * @param gapMillis longest time between two steps of this attempt; 0 before there were two
 * @param gaps how many such times that was learned from
 * @param sawEval an evaluation was seen in this attempt's output
 * @param totalSteps as the output says; 0 when it does not
 * @param ranks its workers, at most {@link #MAX_RANKS}: those that stand still longest
 * @param stacks what the workers were doing when it was last asked for
 */
public record GroupActivity(
    long motionMillis,
    long lifeMillis,
    long gapMillis,
    long gaps,
    boolean sawEval,
    long totalSteps,
    List<RankActivity> ranks,
    Optional<Stacks> stacks) {
  /** Workers of one node that are told of in each heartbeat. */
  public static final int MAX_RANKS = 16;

  /** Longest text of stacks in a heartbeat, in characters; the whole is on the node. */
  public static final int MAX_HEAD_CHARACTERS = 3_000;

  public GroupActivity {
    ranks = List.copyOf(Objects.requireNonNullElse(ranks, List.of()));
  }

  /**
   * Stacks of the workers of a group.
   *
   * @param ageMillis since they were taken
   * @param head the first of their text
   */
  public record Stacks(long ageMillis, List<RankStack> ranks, String head) {
    public Stacks {
      ranks = List.copyOf(Objects.requireNonNullElse(ranks, List.of()));
    }
  }

  /**
   * One worker's stack in short.
   *
   * @param taken by py-spy or faulthandler; empty when it could not be taken
   * @param moved its main thread was elsewhere when looked at again
   * @param waits its main thread waits in a collective for other ranks
   * @param top innermost frame of its main thread
   */
  public record RankStack(
      int rank, Optional<String> taken, boolean moved, boolean waits, String top) {}
}
