package io.lockstep.coordinator.core;

import io.lockstep.coordinator.core.FailureRules.Fit;
import io.lockstep.coordinator.core.FailureRules.Place;
import io.lockstep.coordinator.core.FailureRules.Signs;
import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.FailureCause;
import io.lockstep.protocol.model.FailureClass;
import io.lockstep.protocol.model.Reason;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Tells what kind of failure a cause is: by the rules, else by how the group ended. */
final class Diagnosing {
  /** Signals of which the worker itself tells: it aborted, or Python was interrupted. */
  private static final Set<Integer> WITH_A_STORY = Set.of(2, 6);

  /** What a node knows of itself is no loss of a peer, whatever else it wrote. */
  private static final Set<FailureClass> OF_THE_NODE_ITSELF =
      EnumSet.of(
          FailureClass.OUT_OF_MEMORY_GPU,
          FailureClass.OUT_OF_MEMORY_HOST,
          FailureClass.HARDWARE,
          FailureClass.STORAGE,
          FailureClass.CONFIGURATION,
          FailureClass.PREEMPTED);

  private Diagnosing() {}

  /** By what the group left behind. */
  static AttemptRecord.Cause of(
      FailureRules rules, AttemptRecord.Cause cause, ExitReport report, Optional<Instant> at) {
    Optional<Fit> fit =
        leavesLines(cause.code()) ? rules.look(signs(cause, report)) : Optional.empty();
    Diagnosis judged = fit.map(Diagnosing::of).orElseGet(() -> byEnd(cause));
    boolean peerLoss =
        fit.filter(f -> f.cascade() || isOfItself(f)).map(Fit::cascade).orElse(cause.peerLoss());
    return new AttemptRecord.Cause(
        cause.code(),
        cause.node(),
        cause.rank(),
        cause.message(),
        cause.traceback(),
        peerLoss,
        Optional.of(judged.seen(at, report.lastStep())));
  }

  /** Where no group left anything, or it was judged before. */
  static AttemptRecord.Cause of(AttemptRecord.Cause cause) {
    return cause.diagnosis().isPresent() ? cause : cause.diagnosed(byEnd(cause));
  }

  private static Diagnosis of(Fit fit) {
    return new Diagnosis(
        fit.failureClass(),
        fit.rule(),
        fit.sign(),
        fit.meaning(),
        fit.advice(),
        Optional.empty(),
        Optional.empty());
  }

  private static boolean isOfItself(Fit fit) {
    return fit.place() == Place.HOST || OF_THE_NODE_ITSELF.contains(fit.failureClass());
  }

  private static boolean leavesLines(FailureCause code) {
    return code == FailureCause.WORKER_FAILED
        || code == FailureCause.WORKER_KILLED
        || code == FailureCause.TORCHRUN_FAILED
        || code == FailureCause.SHIM_LOST;
  }

  private static Signs signs(AttemptRecord.Cause cause, ExitReport report) {
    Optional<ExitReport.FirstFailure> first = report.firstFailure();
    List<String> host = report.hostSigns().orElse(List.of());
    Optional<Integer> signal = first.map(ExitReport.FirstFailure::signal).orElseGet(report::signal);
    Optional<Integer> code =
        first.map(ExitReport.FirstFailure::exitCode).orElseGet(report::exitCode);
    List<String> exit =
        signal
            .map(s -> List.of("signal " + s))
            .or(() -> code.map(c -> List.of("exit code " + c)))
            .orElse(List.of());
    if (first.isPresent() && signal.filter(s -> !WITH_A_STORY.contains(s)).isPresent()) {
      return new Signs(host, List.of(), List.of(), List.of(), exit); // older output tells nothing
    }
    var message = new ArrayList<String>();
    first
        .map(ExitReport.FirstFailure::message)
        .or(() -> report.reason().map(Reason::message))
        .ifPresent(text -> text.lines().forEach(message::add));
    return new Signs(host, message, cause.traceback().lines().toList(), report.tail(), exit);
  }

  /** The class that follows from how it ended, where no rule fits. */
  private static Diagnosis byEnd(AttemptRecord.Cause cause) {
    return switch (cause.code()) {
      case WORKER_FAILED ->
          cause.peerLoss()
              ? PEER_LOST
              : Diagnosis.of(
                  FailureClass.USER_CODE,
                  "A worker ended with an error of its own, and no rule knows more about it.",
                  "Read the traceback and the last lines: lockstep logs.");
      case TORCHRUN_FAILED -> cause.peerLoss() ? PEER_LOST : NOBODY_SAYS;
      case WORKER_KILLED, SHIM_LOST, GROUP_GONE, OTHER -> NOBODY_SAYS;
      case LEASE_LOST ->
          Diagnosis.of(
              FailureClass.NETWORK,
              "This node could not reach a majority of the seats, and so ended its workers.",
              "Look at the network between this node and the seats.");
      case NODE_SILENT ->
          Diagnosis.of(
              FailureClass.NETWORK,
              "The host, or the network to it, went away; from here the two look alike.",
              "Look whether the host is up and can be reached; a spare takes its rank meanwhile.");
      case PREPARE_TIMEOUT, START_TIMEOUT ->
          Diagnosis.of(
              FailureClass.UNKNOWN,
              "A node did not get as far as it should in its time.",
              "Look at the daemon's log on that node; deadlines in the job file are settable.");
      case PREPARE_REJECTED ->
          Diagnosis.of(
              FailureClass.CONFIGURATION,
              "A node found at the door that it cannot run this job.",
              "Give the node what the message names.");
      case HANG ->
          Diagnosis.of(
              FailureClass.HANG,
              "Training stood still for longer than it ever had.",
              "Read the stacks of the rank that is named; docs/hangs.md says how it is told.");
      case PORT_TAKEN ->
          Diagnosis.of(
              FailureClass.NETWORK,
              "Another program took the master port between the choice and the start.",
              "Nothing: the next attempt takes another port. ports.master sets the range.");
      case CHECKPOINT_CHANGED ->
          Diagnosis.of(
              FailureClass.STORAGE,
              "The checkpoint that was agreed on was gone or broken just before the start.",
              "Look who else writes into the checkpoint folder; an older one is taken.");
      case ABANDONED ->
          Diagnosis.of(
              FailureClass.UNKNOWN,
              "The attempt was planned and never started.",
              "Nothing: it is planned anew.");
      case NODE_DRAINED ->
          Diagnosis.of(
              FailureClass.PREEMPTED,
              "An operator took a node out.",
              "Nothing: the job goes on elsewhere; lockstep resume puts the node back.");
      case CANCELED -> Diagnosis.of(FailureClass.PREEMPTED, "A user canceled the job.", "Nothing.");
    };
  }

  private static final Diagnosis PEER_LOST =
      Diagnosis.of(
          FailureClass.NETWORK,
          "The connection to a peer was lost, and no node says why.",
          "Look at the network between the nodes, and at the last lines of each rank.");

  private static final Diagnosis NOBODY_SAYS =
      Diagnosis.of(
          FailureClass.UNKNOWN,
          "The group ended, and neither the workers nor the host say why.",
          "Look at dmesg on that node and at the last lines of each rank: lockstep logs.");
}
