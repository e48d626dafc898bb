package io.lockstep.coordinator.cli;

import io.lockstep.protocol.api.JobView;
import io.lockstep.protocol.api.JobView.ProgressView;
import io.lockstep.protocol.api.JobView.RankView;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Draws a job as it goes: in place on a terminal, one line for each change elsewhere. */
final class Watcher {
  private static final Duration POLL = Duration.ofSeconds(1);
  private static final int BAR_WIDTH = 30;
  private static final int MAX_RANKS_SHOWN = 16;

  private final Session session;
  private List<String> drawn = List.of();

  Watcher(Session session) {
    this.session = session;
  }

  /** Follows the job to its end; the code that the job ended with. */
  ExitCode untilOver(String id) throws ApiRefused, NoCoordinator, InterruptedException {
    var patience = new Patience(session.terminal());
    while (true) {
      JobView job = patience.until(() -> session.api().job(id));
      show(job);
      if (JobView.isTerminal(job) && job.lastKnown().isEmpty()) {
        ExitCode code = ExitCode.of(job);
        if (code != ExitCode.DONE) {
          session.suggest("lockstep describe " + job.id());
        }
        return code;
      }
      session.terminal().sleep(POLL);
    }
  }

  private void show(JobView job) {
    if (session.isJson()) {
      String line = line(job); // the same things make a change here
      if (!drawn.equals(List.of(line))) {
        session.printJsonLine(job);
      }
      drawn = List.of(line);
    } else if (session.terminal().interactive()) {
      redraw(picture(job));
    } else {
      String line = line(job);
      if (!drawn.equals(List.of(line))) {
        session.print(line);
      }
      drawn = List.of(line);
    }
  }

  private void redraw(List<String> lines) {
    if (lines.equals(drawn)) {
      return;
    }
    var out = session.terminal().out();
    if (!drawn.isEmpty()) {
      out.print("\u001b[" + drawn.size() + "A\u001b[J");
    }
    lines.forEach(out::println);
    out.flush();
    drawn = lines;
  }

  private List<String> picture(JobView job) {
    int width = session.terminal().width() - 1; // a full line would wrap and spoil the count
    var lines = new ArrayList<String>();
    lines.add(job.id() + "  " + job.phase() + "  attempt " + job.attempt() + restarts(job));
    if (job.progress().isPresent()) {
      ProgressView progress = job.progress().get();
      String bar = JobText.bar(progress, BAR_WIDTH);
      lines.add((bar.isEmpty() ? "" : bar + " ") + JobText.progress(progress));
    }
    job.rankTable().stream()
        .limit(MAX_RANKS_SHOWN)
        .forEach(row -> lines.add("node rank " + row.nodeRank() + "  " + row.node()));
    if (job.rankTable().size() > MAX_RANKS_SHOWN) {
      lines.add("and " + (job.rankTable().size() - MAX_RANKS_SHOWN) + " nodes more");
    }
    lines.add(job.reason().message());
    return lines.stream().map(line -> Text.fit(Text.printable(line), width)).toList();
  }

  private static String line(JobView job) {
    String progress = job.progress().map(p -> "  " + JobText.progress(p)).orElse("");
    String ranks =
        job.rankTable().isEmpty()
            ? ""
            : "  ranks "
                + job.rankTable().stream()
                    .limit(MAX_RANKS_SHOWN)
                    .map(RankView::node)
                    .collect(Collectors.joining(","));
    return Text.printable(
        job.phase()
            + "  attempt "
            + job.attempt()
            + progress
            + ranks
            + "  "
            + job.reason().message());
  }

  private static String restarts(JobView job) {
    int restarts = job.restarts().counted() + job.restarts().uncounted();
    return restarts == 0 ? "" : "  restarts " + JobText.restarts(job);
  }
}
