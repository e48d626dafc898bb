package io.lockstep.coordinator.cli;

import io.lockstep.protocol.api.JobView;
import io.lockstep.protocol.api.JobView.AttemptView;
import io.lockstep.protocol.api.JobView.CauseView;
import io.lockstep.protocol.api.JobView.MotionView;
import io.lockstep.protocol.api.JobView.PartView;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Shows one job: state, rank table, attempts, reasons. */
@Command(
    name = "describe",
    description = "Show one job: state, ranks, attempts, reasons.",
    footer = {
      "",
      "Examples:",
      "  lockstep describe qwen3-k3x9a1",
      "  lockstep describe qwen3-k3x9a1 --output json | jq .reason"
    })
final class DescribeCommand extends Verb {
  private static final int LABEL_WIDTH = 13;
  private static final int MAX_TRACEBACK_LINES = 20;

  @Parameters(paramLabel = "JOB", description = "Id of the job.")
  private String job = "";

  @Override
  ExitCode run(Session session) throws ApiRefused, NoCoordinator {
    JobView view = session.api().job(job);
    if (session.isJson()) {
      session.printJson(view);
      return ExitCode.DONE;
    }
    session.print(lines(view, session.terminal().width()));
    session.suggest(
        "lockstep "
            + (!JobView.isTerminal(view) ? "watch " : view.attempt() == 0 ? "events " : "logs ")
            + view.id());
    return ExitCode.DONE;
  }

  static List<String> lines(JobView job, int width) {
    var lines = new ArrayList<String>();
    field(lines, "job", job.id(), width);
    field(lines, "name", job.name(), width);
    field(lines, "phase", job.phase(), width);
    field(lines, "reason", job.reason().code() + ": " + job.reason().message(), width);
    field(lines, "gang", gang(job), width);
    field(lines, "attempt", Integer.toString(job.attempt()), width);
    field(lines, "restarts", JobText.restarts(job), width);
    if (job.masterAddress().isPresent()) {
      String port = job.masterPort().map(number -> ":" + number).orElse("");
      field(lines, "master", job.masterAddress().get() + port, width);
    }
    job.progress().ifPresent(p -> field(lines, "progress", JobText.progress(p), width));
    job.conversion().ifPresent(c -> field(lines, "converting", c.text(), width));
    job.motion().ifPresent(m -> motion(lines, m, width));
    job.lastCheckpoint()
        .ifPresent(
            c ->
                field(
                    lines,
                    "checkpoint",
                    "step " + c.step() + " of " + c.worldSize() + " workers: " + c.path(),
                    width));
    field(lines, "submitted", time(job.submittedAt()), width);
    job.endedAt().ifPresent(at -> field(lines, "ended", time(at), width));
    job.exitCode().ifPresent(code -> field(lines, "exit code", Integer.toString(code), width));
    waits(lines, job, width);
    ranks(lines, job, width);
    CauseText.add(lines, job, width);
    attempts(lines, job, width);
    traceback(lines, job, width);
    return lines;
  }

  private static void motion(List<String> lines, MotionView m, int width) {
    String limit =
        m.deadlineSeconds()
            .map(s -> "; suspected to hang after " + s + " s (" + m.deadlineFrom() + ")")
            .orElse("; never suspected to hang (" + m.deadlineFrom() + ")");
    field(lines, "moving", "last " + m.sign() + " " + m.ageSeconds() + " s ago" + limit, width);
    m.suspicion().ifPresent(s -> field(lines, "suspected", s, width));
    m.stragglers().forEach(s -> field(lines, "slow", s, width));
  }

  private static String gang(JobView job) {
    String procs = job.procsPerNode() == 0 ? "auto" : Integer.toString(job.procsPerNode());
    String zero = job.zeroStage().map(stage -> ", ZeRO-" + stage).orElse("");
    String spares =
        job.spares() == 0 && job.spareNodes().isEmpty()
            ? ""
            : ", "
                + job.spares()
                + (job.spares() == 1 ? " spare" : " spares")
                + (job.spareNodes().isEmpty()
                    ? ""
                    : " (" + String.join(", ", job.spareNodes()) + ")");
    String nodes = job.nodes() == 1 ? "1 node" : job.nodes() + " nodes";
    return nodes + " x " + procs + " workers" + zero + spares;
  }

  /** Why it waits, node by node. */
  private static void waits(List<String> lines, JobView job, int width) {
    if (job.waits().isEmpty()) {
      return;
    }
    var table = new TableWriter(width, "WAITS FOR", "BUT IT IS");
    job.waits().forEach(wait -> table.row(wait.node(), wait.why()));
    lines.add("");
    lines.addAll(table.lines());
  }

  private static void ranks(List<String> lines, JobView job, int width) {
    if (job.rankTable().isEmpty()) {
      return;
    }
    var table = new TableWriter(width, "NODE RANK", "NODE", "ADDRESS");
    job.rankTable()
        .forEach(row -> table.row(Integer.toString(row.nodeRank()), row.node(), row.address()));
    lines.add("");
    lines.addAll(table.lines());
  }

  private static void attempts(List<String> lines, JobView job, int width) {
    if (job.attempts().isEmpty()) {
      return;
    }
    var table = new TableWriter(width, "ATTEMPT", "STARTED", "ENDED", "FROM STEP", "CAUSE");
    for (AttemptView attempt : job.attempts()) {
      table.row(
          Integer.toString(attempt.attempt()),
          time(attempt.startedAt()),
          attempt.endedAt().map(at -> clock(at, attempt.startedAt())).orElse("-"),
          attempt.resumedFromStep().map(step -> Long.toString(step)).orElse("-"),
          attempt.cause().map(DescribeCommand::cause).orElse("-"));
    }
    lines.add("");
    lines.addAll(table.lines());
    // the causes in full, since the table cuts them
    for (AttemptView attempt : job.attempts()) {
      attempt
          .cause()
          .ifPresent(
              cause ->
                  field(
                      lines,
                      "attempt " + attempt.attempt(),
                      cause(cause) + ": " + cause.message(),
                      width));
      timeline(attempt)
          .ifPresent(text -> field(lines, "attempt " + attempt.attempt(), text, width));
    }
  }

  /** Where the time until its first step went. */
  private static Optional<String> timeline(AttemptView attempt) {
    List<PartView> parts = attempt.timeline().orElse(List.of());
    if (parts.isEmpty()) {
      return Optional.empty();
    }
    double total = parts.stream().mapToDouble(PartView::seconds).sum();
    boolean whole = parts.get(parts.size() - 1).part().equals("first step");
    String words = !whole ? "so far" : attempt.attempt() > 1 ? "back after" : "first step after";
    return Optional.of(
        words
            + String.format(Locale.ROOT, " %.2f s: ", total)
            + parts.stream()
                .map(p -> String.format(Locale.ROOT, "%s %.2f", p.part(), p.seconds()))
                .collect(Collectors.joining(", ")));
  }

  private static String cause(CauseView cause) {
    return cause.code()
        + cause.node().map(node -> " on " + node).orElse("")
        + cause.rank().map(rank -> " rank " + rank).orElse("")
        + cause.diagnosis().map(found -> " (" + found.failureClass() + ")").orElse("");
  }

  /** The end of the newest traceback, as it was printed. */
  private static void traceback(List<String> lines, JobView job, int width) {
    List<AttemptView> attempts = job.attempts();
    for (int i = attempts.size() - 1; i >= 0; i--) {
      if (attempts.get(i).traceback().isPresent()) {
        List<String> all = attempts.get(i).traceback().get().lines().toList();
        int first = Math.max(0, all.size() - MAX_TRACEBACK_LINES);
        lines.add("");
        lines.add("traceback of attempt " + attempts.get(i).attempt() + ":");
        for (String line : all.subList(first, all.size())) {
          lines.add("  " + Text.fit(line.replaceAll("\\p{Cntrl}", " "), width - 2));
        }
        return;
      }
    }
  }

  static void field(List<String> lines, String label, String value, int width) {
    String before = Text.pad(label, LABEL_WIDTH);
    for (String line : Text.wrap(value, width - LABEL_WIDTH)) {
      lines.add(before + line);
      before = " ".repeat(LABEL_WIDTH);
    }
  }

  static String time(Instant at) {
    return at.truncatedTo(ChronoUnit.SECONDS).toString();
  }

  /** The time of day alone when the day is the same. */
  private static String clock(Instant at, Instant start) {
    boolean sameDay = at.truncatedTo(ChronoUnit.DAYS).equals(start.truncatedTo(ChronoUnit.DAYS));
    return sameDay ? time(at).substring(11) : time(at);
  }
}
