package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.FailureCause;
import io.lockstep.protocol.model.FailureClass;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.RankTable;
import io.lockstep.protocol.model.StartLengths;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * One attempt as history keeps it.
 *
 * @param table empty in older attempts: the rank tables of a large gang are most of the state
 * @param resumedFromStep empty before the release and on a fresh start
 * @param firstStepAt when training was first seen to be beyond where it went on from
 * @param furthestStep the furthest step known; noted when the distance has doubled, so it may be up
 *     to half short
 * @param aftermath what followed from its failure; empty when nothing did
 * @param startLengths how long its start took, as far as all its nodes have said
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
    Optional<Long> furthestStep,
    Optional<Aftermath> aftermath,
    Optional<StartLengths> startLengths) {
  public AttemptRecord {
    startLengths = Objects.requireNonNullElse(startLengths, Optional.empty()); // stored before
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
   * @param diagnosis what kind of failure it was; empty in what an older release stored
   */
  public record Cause(
      FailureCause code,
      Optional<NodeId> node,
      Optional<Integer> rank,
      String message,
      String traceback,
      boolean peerLoss,
      Optional<Diagnosis> diagnosis) {
    public Cause {
      message = BoundedText.head(message, MAX_MESSAGE_BYTES);
      traceback = BoundedText.tail(traceback, MAX_TRACEBACK_BYTES);
    }

    /** One that nobody has judged yet. */
    Cause(
        FailureCause code,
        Optional<NodeId> node,
        Optional<Integer> rank,
        String message,
        String traceback,
        boolean peerLoss) {
      this(code, node, rank, message, traceback, peerLoss, Optional.empty());
    }

    /** What kind of failure it was. */
    public FailureClass failureClass() {
      return diagnosis.map(Diagnosis::failureClass).orElse(FailureClass.UNKNOWN);
    }

    Cause diagnosed(Diagnosis judged) {
      return new Cause(code, node, rank, message, traceback, peerLoss, Optional.of(judged));
    }

    static Cause of(FailureCause code, NodeId node, String message) {
      return new Cause(code, Optional.of(node), Optional.empty(), message, "", false);
    }

    Cause faded() {
      return new Cause(
          code,
          node,
          rank,
          BoundedText.head(message, MAX_OLD_MESSAGE_BYTES),
          "",
          peerLoss,
          diagnosis.map(Diagnosis::faded));
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
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  /** It ran for at least so long. */
  boolean ranFor(Duration least, Instant now) {
    return runningAt.filter(at -> !at.plus(least).isAfter(endedAt.orElse(now))).isPresent();
  }

  /** It failed after a step of its own, though nobody may have heard of that before. */
  boolean steppedBy(Cause why) {
    return why.diagnosis()
        .flatMap(Diagnosis::step)
        .filter(step -> step > resumedFromStep.orElse(0L))
        .isPresent();
  }

  AttemptRecord released(Optional<Long> step) {
    return with(d -> d.resumedFromStep = step);
  }

  AttemptRecord running(Instant at) {
    return with(d -> d.runningAt = Optional.of(at));
  }

  AttemptRecord stepped(long step, Instant at) {
    return with(
        d -> {
          d.firstStepAt = firstStepAt.or(() -> Optional.of(at));
          d.furthestStep = Optional.of(Math.max(step, furthestStep.orElse(step)));
        });
  }

  /** The first that tells the rendezvous stays; until then a later one may. */
  AttemptRecord startedIn(Optional<StartLengths> lengths) {
    return with(
        d ->
            d.startLengths =
                startLengths
                    .filter(l -> l.rendezvousMillis().isPresent())
                    .or(() -> lengths)
                    .or(() -> startLengths));
  }

  /** A step that was seen when training stood still; of one that never stepped it says nothing. */
  AttemptRecord noted(long step) {
    return firstStepAt.map(at -> stepped(step, at)).orElse(this);
  }

  AttemptRecord ended(Instant at, Optional<Cause> why) {
    return with(
        d -> {
          d.endedAt = Optional.of(endedAt.orElse(at));
          d.cause = why;
        });
  }

  AttemptRecord followedBy(Optional<Aftermath> what) {
    return with(d -> d.aftermath = what);
  }

  /** As it is kept when newer ones are more telling: why it ended, without the traceback. */
  AttemptRecord faded() {
    return with(
        d -> {
          d.cause = cause.map(Cause::faded);
          d.aftermath = aftermath.map(Aftermath::faded);
        });
  }

  /** Where it ran is forgotten, and so its output cannot be found any more. */
  AttemptRecord placeless() {
    return with(d -> d.table = Optional.empty());
  }

  private AttemptRecord with(Consumer<Draft> change) {
    var draft = new Draft();
    change.accept(draft);
    return new AttemptRecord(
        fence,
        draft.table,
        startedAt,
        draft.runningAt,
        draft.endedAt,
        draft.cause,
        draft.resumedFromStep,
        draft.firstStepAt,
        draft.furthestStep,
        draft.aftermath,
        draft.startLengths);
  }

  /** This attempt being changed by an event. */
  private final class Draft {
    Optional<RankTable> table = AttemptRecord.this.table;
    Optional<Instant> runningAt = AttemptRecord.this.runningAt;
    Optional<Instant> endedAt = AttemptRecord.this.endedAt;
    Optional<Cause> cause = AttemptRecord.this.cause;
    Optional<Long> resumedFromStep = AttemptRecord.this.resumedFromStep;
    Optional<Instant> firstStepAt = AttemptRecord.this.firstStepAt;
    Optional<Long> furthestStep = AttemptRecord.this.furthestStep;
    Optional<Aftermath> aftermath = AttemptRecord.this.aftermath;
    Optional<StartLengths> startLengths = AttemptRecord.this.startLengths;
  }
}
