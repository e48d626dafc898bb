package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.FailureCause;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.RankTable;
import java.time.Instant;
import java.util.Optional;

/**
 * One attempt as history keeps it.
 *
 * @param table empty in older attempts: the rank tables of a large gang are most of the state
 * @param resumedFromStep empty before the release and on a fresh start
 * @param firstStepAt when training was first seen to be beyond where it went on from
 */
public record AttemptRecord(
    Fence fence,
    Optional<RankTable> table,
    Instant startedAt,
    Optional<Instant> runningAt,
    Optional<Instant> endedAt,
    Optional<Cause> cause,
    Optional<Long> resumedFromStep,
    Optional<Instant> firstStepAt) {
  /** Longest message of an attempt, in bytes. */
  static final int MAX_MESSAGE_BYTES = 1_024;

  /** Longest traceback, in bytes: its end. */
  static final int MAX_TRACEBACK_BYTES = 8_192;

  /** Longest message of an attempt that is not one of the newest, in bytes. */
  static final int MAX_OLD_MESSAGE_BYTES = 160;

  /**
   * Why an attempt ended before its work was done.
   *
   * @param peerLoss true when the report only says that another worker went away: a later report
   *     may know better
   */
  public record Cause(
      FailureCause code,
      Optional<NodeId> node,
      Optional<Integer> rank,
      String message,
      String traceback,
      boolean peerLoss) {
    public Cause {
      message = BoundedText.head(message, MAX_MESSAGE_BYTES);
      traceback = BoundedText.tail(traceback, MAX_TRACEBACK_BYTES);
    }

    static Cause of(FailureCause code, NodeId node, String message) {
      return new Cause(code, Optional.of(node), Optional.empty(), message, "", false);
    }

    Cause faded() {
      return new Cause(
          code, node, rank, BoundedText.head(message, MAX_OLD_MESSAGE_BYTES), "", peerLoss);
    }
  }

  static AttemptRecord planned(Fence fence, RankTable table, Instant at) {
    return new AttemptRecord(
        fence,
        Optional.of(table),
        at,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  AttemptRecord released(Optional<Long> step) {
    return new AttemptRecord(fence, table, startedAt, runningAt, endedAt, cause, step, firstStepAt);
  }

  AttemptRecord running(Instant at) {
    return new AttemptRecord(
        fence, table, startedAt, Optional.of(at), endedAt, cause, resumedFromStep, firstStepAt);
  }

  AttemptRecord stepped(Instant at) {
    return new AttemptRecord(
        fence, table, startedAt, runningAt, endedAt, cause, resumedFromStep, Optional.of(at));
  }

  AttemptRecord ended(Instant at, Optional<Cause> why) {
    return new AttemptRecord(
        fence,
        table,
        startedAt,
        runningAt,
        Optional.of(endedAt.orElse(at)),
        why,
        resumedFromStep,
        firstStepAt);
  }

  /** As it is kept when newer ones are more telling: why it ended, without the traceback. */
  AttemptRecord faded() {
    return new AttemptRecord(
        fence,
        table,
        startedAt,
        runningAt,
        endedAt,
        cause.map(Cause::faded),
        resumedFromStep,
        firstStepAt);
  }

  /** Where it ran is forgotten, and so its output cannot be found any more. */
  AttemptRecord placeless() {
    return new AttemptRecord(
        fence,
        Optional.empty(),
        startedAt,
        runningAt,
        endedAt,
        cause,
        resumedFromStep,
        firstStepAt);
  }
}
