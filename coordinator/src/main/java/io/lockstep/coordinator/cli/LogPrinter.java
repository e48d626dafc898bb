package io.lockstep.coordinator.cli;

import io.lockstep.protocol.api.JobView;
import io.lockstep.protocol.api.LogView;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Prints the output of several ranks line by line, each line whole and after its place. */
final class LogPrinter {
  private static final Duration POLL = Duration.ofSeconds(1);

  /** Longest line that is held back until its end comes. */
  private static final int MAX_LINE_CHARS = 65_536;

  private final Session session;
  private final String job;

  LogPrinter(Session session, String job) {
    this.session = session;
    this.job = job;
  }

  /** Prints what is there. Ranks that cannot be read are named; an error only if all are so. */
  ExitCode once(int attempt, List<Integer> ranks) throws ApiRefused, NoCoordinator {
    List<Stream> streams = streams(attempt, ranks);
    boolean any = false;
    Optional<ApiRefused> refused = Optional.empty();
    while (streams.stream().anyMatch(stream -> !stream.over)) {
      for (Stream stream : streams) {
        if (stream.over) {
          continue;
        }
        try {
          boolean more = stream.poll();
          stream.over |= !more;
          any = true;
        } catch (ApiRefused e) {
          refused = Optional.of(e);
          stream.over = true;
          if (ranks.size() > 1) {
            session.terminal().say("rank " + stream.rank + ": " + e.problem().detail());
          }
        }
      }
    }
    streams.forEach(Stream::finish);
    if (!any && refused.isPresent()) {
      throw refused.get();
    }
    return ExitCode.DONE;
  }

  /** Prints what comes until the attempt named is over, or the job. */
  ExitCode follow(JobView first, Optional<Integer> rank, Optional<Integer> attempt)
      throws ApiRefused, NoCoordinator, InterruptedException {
    var patience = new Patience(session.terminal(), Patience.LONGEST, true);
    JobView view = first;
    int shown = 0;
    List<Stream> streams = List.of();
    while (true) {
      int wanted = attempt.orElse(view.attempt());
      if (wanted != shown && wanted > 0 && !view.rankTable().isEmpty()) {
        streams.forEach(Stream::finish);
        if (wanted > 1 && attempt.isEmpty()) {
          session.terminal().say("attempt " + wanted + " begins");
        }
        streams = streams(wanted, LogsCommand.ranks(view, wanted, rank));
        shown = wanted;
      }
      boolean more = pollAll(streams);
      if (isOver(view, attempt) && !more) {
        streams.forEach(Stream::finish);
        return ExitCode.DONE;
      }
      if (!more) {
        session.terminal().sleep(POLL);
      }
      view = patience.until(() -> session.api().job(job));
    }
  }

  private boolean pollAll(List<Stream> streams) throws ApiRefused {
    boolean more = false;
    for (Stream stream : streams) {
      try {
        more |= !stream.over && stream.poll();
        stream.told = false;
      } catch (NoCoordinator e) {
        stream.tellOnce(String.valueOf(e.getMessage()));
      } catch (ApiRefused e) {
        if (e.problem().status() == 404 || e.problem().status() == 400) {
          throw e;
        }
        stream.tellOnce(e.problem().detail()); // not there yet, or its node is away
      }
    }
    return more;
  }

  private static boolean isOver(JobView view, Optional<Integer> attempt) {
    if (JobView.isTerminal(view)) {
      return true;
    }
    return attempt.isPresent()
        && view.attempts().stream()
            .anyMatch(past -> past.attempt() == attempt.get() && past.endedAt().isPresent());
  }

  private List<Stream> streams(int attempt, List<Integer> ranks) {
    var streams = new ArrayList<Stream>();
    ranks.forEach(rank -> streams.add(new Stream(attempt, rank)));
    return streams;
  }

  /** Output of one rank of one attempt. */
  private final class Stream {
    private final int attempt;
    private final int rank;
    private final StringBuilder begun = new StringBuilder();
    private String prefix = "";
    private long offset;
    private boolean over;
    private boolean told;

    Stream(int attempt, int rank) {
      this.attempt = attempt;
      this.rank = rank;
    }

    /** Prints one piece; true when there was one, and so perhaps another. */
    boolean poll() throws ApiRefused, NoCoordinator {
      LogView piece = session.api().log(job, rank, attempt, offset);
      prefix = piece.nodeRank() + "/" + piece.rank() + " | ";
      if (piece.offset() > offset && offset >= 0) {
        session
            .terminal()
            .say(prefix + (piece.offset() - offset) + " older bytes are gone from the node");
      }
      boolean moved = piece.nextOffset() > offset;
      offset = Math.max(offset, piece.nextOffset());
      if (session.isJson()) {
        if (!piece.text().isEmpty()) {
          session.printJsonLine(piece);
        }
      } else {
        add(piece.text());
      }
      session.terminal().out().flush();
      over = piece.ended() && !moved;
      return moved;
    }

    void tellOnce(String why) {
      if (!told) {
        session.terminal().say("rank " + rank + ": " + why);
        told = true;
      }
    }

    void finish() {
      if (!begun.isEmpty()) {
        print(begun.toString());
        begun.setLength(0);
      }
    }

    private void add(String text) {
      begun.append(text);
      int start = 0;
      int end;
      while ((end = begun.indexOf("\n", start)) >= 0) {
        print(begun.substring(start, end));
        start = end + 1;
      }
      begun.delete(0, start);
      if (begun.length() > MAX_LINE_CHARS) {
        // a progress bar that never ends its line: its newest state is enough
        int last = begun.lastIndexOf("\r", begun.length() - 2);
        begun.delete(0, last > 0 ? last : begun.length() - MAX_LINE_CHARS);
      }
    }

    /** A progress bar draws over itself; of such a line only the last state is shown. */
    private void print(String line) {
      String whole = line.endsWith("\r") ? line.substring(0, line.length() - 1) : line;
      session.terminal().out().println(prefix + whole.substring(whole.lastIndexOf('\r') + 1));
    }
  }
}
