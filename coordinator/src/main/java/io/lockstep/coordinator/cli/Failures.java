package io.lockstep.coordinator.cli;

import io.lockstep.coordinator.plan.Unplannable;
import io.lockstep.protocol.api.Problem;
import io.lockstep.protocol.api.Problem.Mistake;
import java.io.UncheckedIOException;
import java.util.List;

/** Tells a failure to a tired person: what happened, and what to type next. */
final class Failures {
  private Failures() {}

  static ExitCode tell(Terminal terminal, Exception failure) {
    if (failure instanceof UsageMistake || failure instanceof Unplannable) {
      terminal.say("lockstep: " + failure.getMessage());
      return ExitCode.USAGE;
    }
    if (failure instanceof ApiRefused refused) {
      return tell(terminal, refused.problem());
    }
    if (failure instanceof NoCoordinator) {
      terminal.say("lockstep: " + failure.getMessage());
      terminal.say(
          "next: start lockstepd on a seat, or name one: lockstep --api http://SEAT:7733 nodes");
      return ExitCode.NO_COORDINATOR;
    }
    if (failure instanceof UncheckedIOException && terminal.out().checkError()) {
      return ExitCode.INTERNAL; // nobody reads: nothing to tell
    }
    if (failure instanceof InterruptedException) {
      Thread.currentThread().interrupt();
      return ExitCode.INTERNAL;
    }
    terminal.say("lockstep: internal error: " + failure);
    if (!terminal.env().getOrDefault("LOCKSTEP_DEBUG", "").isEmpty()) {
      failure.printStackTrace(terminal.err());
    } else {
      terminal.say("next: run it again with LOCKSTEP_DEBUG=1 and report what it prints");
    }
    return ExitCode.INTERNAL;
  }

  private static ExitCode tell(Terminal terminal, Problem problem) {
    terminal.say("lockstep: " + problem.detail() + " (" + problem.code() + ")");
    tellMistakes(terminal, "", problem.problems());
    String next = next(problem);
    if (!next.isEmpty()) {
      terminal.say("next: " + next);
    }
    return ExitCode.of(problem);
  }

  /** Each mistake on a line of its own, as compilers do: file:line:column: field message. */
  static void tellMistakes(Terminal terminal, String file, List<Mistake> mistakes) {
    for (Mistake mistake : mistakes) {
      String place =
          mistake.line() == 0 ? file : file + ":" + mistake.line() + ":" + mistake.column();
      String before = place.isEmpty() ? "" : place + ": ";
      String field = mistake.field().isEmpty() ? "" : mistake.field() + " ";
      terminal.say("  " + before + field + mistake.message());
    }
  }

  private static String next(Problem problem) {
    return switch (problem.code()) {
      case "UNKNOWN_JOB" -> "lockstep list";
      case "UNKNOWN_NODE" -> "lockstep nodes";
      case "CONFLICT" -> "submit under another --id, or look: lockstep describe JOB";
      case "TERMINAL" -> "lockstep list";
      case "INVALID_SPEC" -> "lockstep schema says what a job file may hold";
      case "NOT_PLACED", "NOTHING_TO_DO" -> "lockstep list, then lockstep watch JOB";
      case "SEATS_UNCHANGED" -> "lockstep seats";
      case "NO_QUORUM", "OVERLOADED", "STALE" -> "look again in a moment: lockstep nodes";
      default -> "";
    };
  }
}
