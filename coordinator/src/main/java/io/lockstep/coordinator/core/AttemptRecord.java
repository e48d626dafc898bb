package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.FailureCause;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.RankTable;
import java.time.Instant;
import java.util.Objects;
import java.util.Optional;

/**
 * One attempt as history keeps it.
 *
 * @param table empty in older attempts: the rank tables of a large gang are most of the state
 * @param resumedFromStep empty before the release and on a fresh start
 * @param firstStepAt when training was first seen to be beyond where it went on from
 * @param furthestStep the furthest step known; noted when the distance has doubled, so it may be up
 *     to half short
 */
public record AttemptRecord(
    Fence fence,
    Optional<RankTable> table,
    Instant startedAt,
    Optional<Instant> runningAt,
    Optional<Instant> endedAt,
    Optional<Cause> cause,
    Optional<Long> resumedFromStep,
    Optional<Instant> firstStepAt,
    Optional<Long> furthestStep) {
  public AttemptRecord {
    furthestStep = Objects.requireNonNullElse(furthestStep, Optional.empty()); // stored before
  }

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
        Optional.empty(),
        Optional.empty());
  }

  AttemptRecord released(Optional<Long> step) {
    return new AttemptRecord(
        fence, table, startedAt, runningAt, endedAt, cause, step, firstStepAt, furthestStep);
  }

  AttemptRecord running(Instant at) {
    return new AttemptRecord(
        fence,
        table,
        startedAt,
        Optional.of(at),
        endedAt,
        cause,
        resumedFromStep,
        firstStepAt,
        furthestStep);
  }

  AttemptRecord stepped(long step, Instant at) {
    return new AttemptRecord(
        fence,
        table,
        startedAt,
        runningAt,
        endedAt,
        cause,
        resumedFromStep,
        firstStepAt.or(() -> Optional.of(at)),
        Optional.of(Math.max(step, furthestStep.orElse(step))));
  }

  /** A step that was seen when training stood still; of one that never stepped it says nothing. */
  AttemptRecord noted(long step) {
    return firstStepAt.map(at -> stepped(step, at)).orElse(this);
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
        firstStepAt,
        furthestStep);
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
        firstStepAt,
        furthestStep);
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
        firstStepAt,
        furthestStep);
  }
}
