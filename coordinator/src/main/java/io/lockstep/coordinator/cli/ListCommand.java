package io.lockstep.coordinator.cli;

import io.lockstep.protocol.api.JobView;
import java.util.List;
import picocli.CommandLine.Command;

/** Lists the jobs. */
@Command(
    name = "list",
    description = "List the jobs.",
    footer = {"", "Examples:", "  lockstep list", "  lockstep list --output json | jq -r '.[].id'"})
final class ListCommand extends Verb {
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
    var table =
        new TableWriter(
            session.terminal().width(), "JOB", "PHASE", "GANG", "ATTEMPT", "STEP", "REASON");
    for (JobView job : jobs) {
      table.row(
          job.id(),
          job.phase(),
          JobText.gang(job),
          job.attempt() == 0 ? "-" : Integer.toString(job.attempt()),
          job.progress().map(JobText::step).orElse("-"),
          job.reason().message());
    }
    session.print(table.lines());
    return ExitCode.DONE;
  }
}
