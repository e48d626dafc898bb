package io.lockstep.coordinator.cli;

import io.lockstep.protocol.api.JobView;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine.Command;

/** Lists the jobs. */
@Command(
    name = "list",
    description = "List the jobs.",
    footer = {"", "Examples:", "  lockstep list", "  lockstep list --output json | jq -r '.[].id'"})
final class ListCommand extends Verb {
  private static final int MAX_NAME_WIDTH = 20;

  @Override
  ExitCode run(Session session) throws ApiRefused, NoCoordinator {
    List<JobView> jobs = session.api().jobs();
    if (session.isJson()) {
      session.printJson(jobs);
      return ExitCode.DONE;
    }
    if (jobs.isEmpty()) {
      session.terminal().say("no jobs yet");
      session.suggest("lockstep submit JOB.yaml");
      return ExitCode.DONE;
    }
    boolean names = jobs.stream().anyMatch(ListCommand::idHidesName);
    var table =
        new TableWriter(
            session.terminal().width(),
            columns(names, "JOB", "NAME", "PHASE", "GANG", "ATTEMPT", "STEP", "REASON"));
    for (JobView job : jobs) {
      table.row(
          columns(
              names,
              job.id(),
              idHidesName(job) ? Text.fit(job.name(), MAX_NAME_WIDTH) : "-",
              job.phase(),
              JobText.gang(job),
              job.attempt() == 0 ? "-" : Integer.toString(job.attempt()),
              job.progress().map(JobText::step).orElse("-"),
              job.reason().message()));
    }
    session.print(table.lines());
    return ExitCode.DONE;
  }

  /** An id has the name in it, but for letters that no id has: Chinese ones, say. */
  private static boolean idHidesName(JobView job) {
    return job.name().chars().anyMatch(letter -> letter > 127);
  }

  private static String[] columns(boolean names, String id, String name, String... rest) {
    return Stream.concat(names ? Stream.of(id, name) : Stream.of(id), Stream.of(rest))
        .toArray(String[]::new);
  }
}
