package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.ExitReport.FirstFailure;
import io.lockstep.protocol.model.ExitReport.Outcome;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** Ends of worker groups as agents report them. */
final class Exit {
  private Exit() {}

  static ExitReport zero() {
    return report(Outcome.SUCCEEDED, Optional.empty(), true, false, Optional.empty());
  }

  /** Exit 0 with something left running. */
  static ExitReport zeroWithLeftovers() {
    return report(Outcome.SUCCEEDED, Optional.empty(), false, false, Optional.empty());
  }

  static ExitReport killed(int rank) {
    return failed(
        new FirstFailure(
            rank, 0, Optional.empty(), Optional.of(9), Instant.EPOCH, "killed", "", false));
  }

  static ExitReport raised(int rank, String error) {
    return failed(
        new FirstFailure(
            rank, 0, Optional.of(1), Optional.empty(), Instant.EPOCH, error, "Traceback", false));
  }

  static ExitReport peerLoss(int rank) {
    return failed(
        new FirstFailure(
            rank,
            0,
            Optional.of(1),
            Optional.empty(),
            Instant.EPOCH,
            "RuntimeError: Connection reset by peer",
            "",
            true));
  }

  static ExitReport torchrunFailed() {
    return report(Outcome.FAILED, Optional.empty(), true, false, Optional.empty());
  }

  static ExitReport portTaken() {
    return report(Outcome.FAILED, Optional.empty(), true, true, Optional.empty());
  }

  static ExitReport shimLost() {
    return report(Outcome.SHIM_LOST, Optional.empty(), true, false, Optional.empty());
  }

  static ExitReport leaseLost() {
    return report(
        Outcome.FAILED,
        Optional.empty(),
        true,
        false,
        Optional.of(Reason.of(ReasonCode.LEASE_LOST, "the lease has run out")));
  }

  static ExitReport stopped() {
    return report(Outcome.STOPPED, Optional.empty(), true, false, Optional.empty());
  }

  /** It was killed, and still something of it may live. */
  static ExitReport unproven() {
    return report(Outcome.STOPPED, Optional.empty(), false, false, Optional.empty());
  }

  static ExitReport neverStarted(ReasonCode why) {
    return ExitReport.neverStarted(Reason.of(why, "as it was"), Instant.EPOCH);
  }

  /** The same with the last step that the output told. */
  static ExitReport at(long step, ExitReport r) {
    return with(r, r.tail(), r.hostSigns(), Optional.of(step));
  }

  /** The same with a line of the kernel's or the cgroup's. */
  static ExitReport hostSays(String line, ExitReport r) {
    return with(r, r.tail(), Optional.of(List.of(line)), r.lastStep());
  }

  /** The same with a last line of output. */
  static ExitReport wrote(String line, ExitReport r) {
    return with(r, List.of(line), r.hostSigns(), r.lastStep());
  }

  /** The same at another time of the node's own clock. */
  static ExitReport endedAt(Instant at, ExitReport r) {
    return new ExitReport(
        r.outcome(),
        r.exitCode(),
        r.signal(),
        r.firstFailure(),
        r.treeGone(),
        r.portTaken(),
        r.reason(),
        r.tail(),
        at);
  }

  private static ExitReport with(
      ExitReport r, List<String> tail, Optional<List<String>> signs, Optional<Long> step) {
    return new ExitReport(
        r.outcome(),
        r.exitCode(),
        r.signal(),
        r.firstFailure(),
        r.treeGone(),
        r.portTaken(),
        r.reason(),
        tail,
        r.endedAt(),
        signs,
        step);
  }

  private static ExitReport failed(FirstFailure first) {
    return report(Outcome.FAILED, Optional.of(first), true, false, Optional.empty());
  }

  private static ExitReport report(
      Outcome outcome,
      Optional<FirstFailure> first,
      boolean treeGone,
      boolean portTaken,
      Optional<Reason> reason) {
    return new ExitReport(
        outcome,
        outcome == Outcome.SUCCEEDED ? Optional.of(0) : Optional.of(1),
        Optional.empty(),
        first,
        treeGone,
        portTaken,
        reason,
        List.of(),
        Instant.EPOCH);
  }
}
