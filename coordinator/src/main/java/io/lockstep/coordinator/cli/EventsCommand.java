package io.lockstep.coordinator.cli;

import io.lockstep.protocol.api.EventView;
import io.lockstep.protocol.api.JobView;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows what happened to a job. */
@Command(
    name = "events",
    description = "Show what happened to a job, oldest first.",
    footer = {
      "",
      "Examples:",
      "  lockstep events qwen3-k3x9a1",
      "  lockstep events qwen3-k3x9a1 -f"
    })
final class EventsCommand extends Verb {
  private static final Duration POLL = Duration.ofSeconds(1);

  @Parameters(paramLabel = "JOB", description = "Id of the job.")
  private String job = "";

  @Option(
      names = {"-f", "--follow"},
      description = "Go on until the job is over.")
  private boolean follow;

  @Override
  ExitCode run(Session session) throws Exception {
    if (!follow && session.isJson()) {
      session.printJson(all(session));
      return ExitCode.DONE;
    }
    if (!follow) {
      all(session).forEach(event -> print(session, event));
      return ExitCode.DONE;
    }
    var patience = new Patience(session.terminal());
    long after = 0;
    boolean over = false;
    while (true) {
      long from = after;
      boolean isLast = over;
      List<EventView> events = patience.until(() -> session.api().events(job, from));
      for (EventView event : events) {
        after = event.version();
        print(session, event);
      }
      if (isLast && events.isEmpty()) {
        return ExitCode.DONE;
      }
      JobView view = patience.until(() -> session.api().job(job));
      over = JobView.isTerminal(view);
      if (!over) {
        session.terminal().sleep(POLL);
      }
    }
  }

  private List<EventView> all(Session session) throws ApiRefused, NoCoordinator {
    var all = new ArrayList<EventView>();
    long after = 0;
    while (true) {
      List<EventView> events = session.api().events(job, after);
      all.addAll(events);
      if (events.size() < ApiClient.MAX_EVENTS) {
        return all;
      }
      after = events.get(events.size() - 1).version();
    }
  }

  private static void print(Session session, EventView event) {
    if (session.isJson()) {
      session.printJsonLine(event);
    } else {
      session.print(line(event));
    }
  }

  static String line(EventView event) {
    return Text.printable(
        event.at().truncatedTo(ChronoUnit.MILLIS)
            + "  "
            + Text.pad(event.type(), 16)
            + event.attempt().map(attempt -> "  attempt " + attempt).orElse("")
            + event.node().map(node -> "  " + node).orElse("")
            + (event.reason().message().isEmpty() ? "" : "  " + event.reason().message()));
  }
}
