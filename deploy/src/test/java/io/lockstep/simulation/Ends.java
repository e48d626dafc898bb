package io.lockstep.simulation;

import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.ExitReport.FirstFailure;
import io.lockstep.protocol.model.ExitReport.Outcome;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** The ways in which a group of the simulation ends, as reports. */
final class Ends {
  private Ends() {}

  static ExitReport succeeded(Instant at) {
    return report(Outcome.SUCCEEDED, Optional.of(0), Optional.empty(), false, at);
  }

  static ExitReport stopped(Instant at) {
    return report(Outcome.STOPPED, Optional.empty(), Optional.empty(), false, at);
  }

  static ExitReport torchrunFailed(Instant at) {
    return report(Outcome.FAILED, Optional.of(1), Optional.empty(), false, at);
  }

  static ExitReport portTaken(Instant at) {
    return report(Outcome.FAILED, Optional.of(1), Optional.empty(), true, at);
  }

  static ExitReport killed(int rank, Instant at) {
    return failed(
        new FirstFailure(rank, 0, Optional.empty(), Optional.of(9), at, "", "", false), at);
  }

  static ExitReport raised(int rank, String message, Instant at) {
    return failed(
        new FirstFailure(rank, 0, Optional.of(1), Optional.empty(), at, message, "", false), at);
  }

  static ExitReport peerLost(int rank, Instant at) {
    return failed(
        new FirstFailure(
            rank, 0, Optional.of(1), Optional.empty(), at, "peer closed the connection", "", true),
        at);
  }

  /** Nobody reported: the agent says what it found. */
  static ExitReport found(
      Outcome outcome, boolean treeGone, ReasonCode code, String why, Instant at) {
    return new ExitReport(
        outcome,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        treeGone,
        false,
        Optional.of(Reason.of(code, "%s", why)),
        List.of(),
        at);
  }

  static ExitReport withTreeGone(ExitReport report, boolean treeGone) {
    return new ExitReport(
        report.outcome(),
        report.exitCode(),
        report.signal(),
        report.firstFailure(),
        treeGone,
        report.portTaken(),
        report.reason(),
        report.tail(),
        report.endedAt());
  }

  private static ExitReport failed(FirstFailure failure, Instant at) {
    return new ExitReport(
        Outcome.FAILED,
        Optional.of(1),
        Optional.empty(),
        Optional.of(failure),
        true,
        false,
        Optional.empty(),
        List.of(),
        at);
  }

  private static ExitReport report(
      Outcome outcome,
      Optional<Integer> code,
      Optional<Integer> signal,
      boolean portTaken,
      Instant at) {
    return new ExitReport(
        outcome, code, signal, Optional.empty(), true, portTaken, Optional.empty(), List.of(), at);
  }
}
