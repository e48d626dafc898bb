package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.FailureCause;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/** Reads the cause of a failure out of a node's exit report. */
public final class Causes {
  /** What two corrected times may differ by without telling which was first: messages take time. */
  static final Duration CLOCK_TOLERANCE = Duration.ofMillis(100);

  private Causes() {}

  /**
   * When a group failed, by the coordinator's clock: so long before the report came as the node's
   * own clock says that it was before the report was sent. Assumes that the report was under way
   * for no time, and that the node's clock made no step in between.
   */
  public static Optional<Instant> failedAt(
      ExitReport report, Optional<Instant> sentAt, Instant receivedAt) {
    Instant failed =
        report.firstFailure().map(ExitReport.FirstFailure::at).orElse(report.endedAt());
    return sentAt
        .map(sent -> Duration.between(failed, sent))
        .map(age -> age.isNegative() ? receivedAt : receivedAt.minus(age));
  }

  /** Surely before the other, as far as both are known. */
  static boolean isEarlier(AttemptRecord.Cause one, AttemptRecord.Cause other) {
    return at(one)
        .flatMap(mine -> at(other).filter(its -> mine.plus(CLOCK_TOLERANCE).isBefore(its)))
        .isPresent();
  }

  private static Optional<Instant> at(AttemptRecord.Cause cause) {
    return cause.diagnosis().flatMap(Diagnosis::at);
  }

  /** As what follows from {@code root} is kept. */
  static Optional<Aftermath.Followed> followed(
      AttemptRecord.Cause cause, AttemptRecord.Cause root) {
    return cause
        .node()
        .filter(node -> !root.node().equals(Optional.of(node)))
        .map(
            node ->
                new Aftermath.Followed(
                    node,
                    cause.rank(),
                    at(cause),
                    cause.message(),
                    RestartPolicy.isAlike(cause, root)));
  }

  /** With what kind of failure it was. */
  static AttemptRecord.Cause of(FailureRules rules, ClusterInput.NodeExited exited) {
    ExitReport report = exited.report();
    Optional<Instant> at =
        exited.failedAt().or(() -> report.firstFailure().map(ExitReport.FirstFailure::at));
    return Diagnosing.of(rules, of(exited.node(), report), report, at);
  }

  static AttemptRecord.Cause of(NodeId node, ExitReport report) {
    if (report.portTaken()) {
      return AttemptRecord.Cause.of(
          FailureCause.PORT_TAKEN, node, "another program took the master port first");
    }
    if (report.reason().filter(r -> r.code() == ReasonCode.CHECKPOINT_CHANGED).isPresent()) {
      return AttemptRecord.Cause.of(
          FailureCause.CHECKPOINT_CHANGED, node, report.reason().get().message());
    }
    Optional<Reason> lease = report.reason().filter(r -> r.code() == ReasonCode.LEASE_LOST);
    if (lease.isPresent()) {
      // what cut the node off is the cause, and others may know it
      return new AttemptRecord.Cause(
          FailureCause.LEASE_LOST,
          Optional.of(node),
          Optional.empty(),
          lease.get().message(),
          "",
          true);
    }
    Optional<ExitReport.FirstFailure> first = report.firstFailure();
    if (first.isPresent()) {
      return ofWorker(node, first.get());
    }
    String why = report.reason().map(r -> r.message()).orElse("no reason was left");
    FailureCause code =
        switch (report.outcome()) {
          case SHIM_LOST -> FailureCause.SHIM_LOST;
          case STOPPED, NEVER_STARTED -> FailureCause.GROUP_GONE;
          case SUCCEEDED, FAILED -> FailureCause.TORCHRUN_FAILED;
        };
    String exit =
        report
            .signal()
            .map(s -> "torchrun was ended by signal " + s + ": ")
            .or(() -> report.exitCode().map(c -> "torchrun exited with code " + c + ": "))
            .orElse("");
    // torchrun that fails by itself with no worker to blame has met a store or a peer that is gone
    boolean peerLoss = code == FailureCause.TORCHRUN_FAILED && report.signal().isEmpty();
    // no worker said anything: what torchrun wrote last is all there is
    String said = code == FailureCause.TORCHRUN_FAILED ? lastLine(report).orElse(why) : why;
    return new AttemptRecord.Cause(
        code, Optional.of(node), Optional.empty(), exit + said, "", peerLoss);
  }

  private static Optional<String> lastLine(ExitReport report) {
    return report.tail().stream()
        .filter(line -> !line.isBlank())
        .reduce((earlier, later) -> later)
        .map(String::strip);
  }

  private static AttemptRecord.Cause ofWorker(NodeId node, ExitReport.FirstFailure failure) {
    boolean killed = failure.signal().isPresent();
    String how =
        failure
            .signal()
            .map(s -> "rank %d was ended by signal %d".formatted(failure.rank(), s))
            .orElseGet(
                () ->
                    failure
                        .exitCode()
                        .map(c -> "rank %d exited with code %d".formatted(failure.rank(), c))
                        .orElse("rank %d failed".formatted(failure.rank())));
    String message = failure.message().isBlank() || killed ? how : how + ": " + failure.message();
    return new AttemptRecord.Cause(
        killed ? FailureCause.WORKER_KILLED : FailureCause.WORKER_FAILED,
        Optional.of(node),
        Optional.of(failure.rank()),
        message,
        failure.traceback(),
        failure.peerLoss());
  }
}
