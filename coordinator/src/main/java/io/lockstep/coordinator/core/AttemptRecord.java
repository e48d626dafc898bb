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
 * @param resumedFromStep empty before the release and on a fresh start
 * @param firstStepAt when training was first seen to be beyond where it went on from
 */
public record AttemptRecord(
    Fence fence,
    RankTable table,
    Instant startedAt,
    Optional<Instant> runningAt,
    Optional<Instant> endedAt,
    Optional<Cause> cause,
    Optional<Long> resumedFromStep,
    Optional<Instant> firstStepAt) {

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
    static Cause of(FailureCause code, NodeId node, String message) {
      return new Cause(code, Optional.of(node), Optional.empty(), message, "", false);
    }
  }

  static AttemptRecord planned(Fence fence, RankTable table, Instant at) {
    return new AttemptRecord(
        fence,
        table,
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
}
