package io.lockstep.coordinator.cli;

import io.lockstep.protocol.api.JobView;
import io.lockstep.protocol.api.JobView.AftermathView;
import io.lockstep.protocol.api.JobView.AttemptView;
import io.lockstep.protocol.api.JobView.CauseView;
import io.lockstep.protocol.api.JobView.DiagnosisView;
import io.lockstep.protocol.api.JobView.FollowedView;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Writes the newest failure of a job: what it was, where it began, what to do, what followed. */
final class CauseText {
  /** Groups that failed after the root and are named. */
  private static final int MAX_FOLLOWED = 4;

  private CauseText() {}

  static void add(List<String> lines, JobView job, int width) {
    Optional<AttemptView> failed =
        job.attempts().stream()
            .filter(a -> a.cause().flatMap(CauseView::diagnosis).isPresent())
            .reduce((older, newer) -> newer);
    if (failed.isEmpty()) {
      return;
    }
    AttemptView attempt = failed.get();
    CauseView cause = attempt.cause().orElseThrow();
    DiagnosisView found = cause.diagnosis().orElseThrow();
    lines.add("");
    DescribeCommand.field(
        lines,
        "cause",
        found.failureClass()
            + " in attempt "
            + attempt.attempt()
            + (found.rule().isEmpty() ? ", by how it ended" : ", by rule " + found.rule()),
        width);
    DescribeCommand.field(lines, "root", root(cause, found), width);
    DescribeCommand.field(lines, "said", cause.message(), width);
    if (!found.sign().isEmpty() && !cause.message().contains(found.sign())) {
      DescribeCommand.field(lines, "sign", found.sign(), width);
    }
    if (!found.meaning().isEmpty()) {
      DescribeCommand.field(lines, "means", found.meaning(), width);
    }
    if (!found.advice().isEmpty()) {
      DescribeCommand.field(lines, "do", found.advice(), width);
    }
    attempt
        .aftermath()
        .ifPresent(after -> DescribeCommand.field(lines, "followed", followed(after), width));
  }

  private static String root(CauseView cause, DiagnosisView found) {
    var parts = new ArrayList<String>();
    cause.node().ifPresent(parts::add);
    cause.rank().ifPresent(rank -> parts.add("rank " + rank));
    found.at().ifPresent(at -> parts.add("at " + at));
    found.step().ifPresent(step -> parts.add("after step " + step));
    return parts.isEmpty() ? "not known" : String.join(", ", parts);
  }

  private static String followed(AftermathView after) {
    long same = after.first().stream().filter(FollowedView::same).count();
    var named = new ArrayList<String>();
    for (FollowedView one : after.first().stream().limit(MAX_FOLLOWED).toList()) {
      named.add(
          one.node()
              + one.rank().map(rank -> " rank " + rank).orElse("")
              + (one.same() ? " (the same)" : " (" + one.message() + ")"));
    }
    String more = after.nodes() > named.size() ? ", and more" : "";
    return after.nodes()
        + (after.nodes() == 1 ? " other node failed after it" : " other nodes failed after it")
        + (same > 0 ? ", " + same + " with the same error" : "")
        + (named.isEmpty() ? "" : ": " + String.join("; ", named) + more);
  }
}
