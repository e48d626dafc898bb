package io.lockstep.protocol.model;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * How a worker group ended.
 *
 * @param exitCode torchrun's, when it exited by itself
 * @param signal torchrun's, when a signal ended it
 * @param firstFailure the earliest failing worker on this node that is not the echo of a lost peer
 * @param treeGone true when the whole process tree was seen to end: proof that it is gone
 * @param portTaken true when the master port was already in use
 * @param tail last lines of the failing rank's output
 * @param hostSigns what the kernel's log and the cgroup say of this group, a line each; empty where
 *     they cannot be read or say nothing
 * @param lastStep the last step of training that this node's output told
 */
public record ExitReport(
    Outcome outcome,
    Optional<Integer> exitCode,
    Optional<Integer> signal,
    Optional<FirstFailure> firstFailure,
    boolean treeGone,
    boolean portTaken,
    Optional<Reason> reason,
    List<String> tail,
    Instant endedAt,
    Optional<List<String>> hostSigns,
    Optional<Long> lastStep) {
  /** How it ended, in a word. */
  public enum Outcome {
    SUCCEEDED,
    FAILED,
    /** Ended because it was told to. */
    STOPPED,
    /** Never forked, and never will be: the fence is closed. */
    NEVER_STARTED,
    /** The shim is gone and left no report; the agent ended what was left. */
    SHIM_LOST
  }

  /**
   * A worker's failure.
   *
   * @param peerLoss true when the message only says that another worker went away
   */
  public record FirstFailure(
      int rank,
      int localRank,
      Optional<Integer> exitCode,
      Optional<Integer> signal,
      Instant at,
      String message,
      String traceback,
      boolean peerLoss) {}

  public ExitReport {
    tail = List.copyOf(tail);
    hostSigns = hostSigns.map(List::copyOf);
  }

  /** One of which the host says nothing. */
  public ExitReport(
      Outcome outcome,
      Optional<Integer> exitCode,
      Optional<Integer> signal,
      Optional<FirstFailure> firstFailure,
      boolean treeGone,
      boolean portTaken,
      Optional<Reason> reason,
      List<String> tail,
      Instant endedAt) {
    this(
        outcome,
        exitCode,
        signal,
        firstFailure,
        treeGone,
        portTaken,
        reason,
        tail,
        endedAt,
        Optional.empty(),
        Optional.empty());
  }

  /** Proof that this fence never ran here and never will. */
  public static ExitReport neverStarted(Reason reason, Instant at) {
    return new ExitReport(
        Outcome.NEVER_STARTED,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        true,
        false,
        Optional.of(reason),
        List.of(),
        at);
  }
}
