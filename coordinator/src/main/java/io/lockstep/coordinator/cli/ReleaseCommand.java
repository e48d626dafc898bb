package io.lockstep.coordinator.cli;

import io.lockstep.protocol.api.MessageResponse;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Lets a held job be placed. */
@Command(
    name = "release",
    description = "Let a job that was submitted with --hold be placed.",
    footer = {
      "",
      "Examples:",
      "  lockstep submit job.yaml --hold --id night-1",
      "  lockstep release night-1"
    })
final class ReleaseCommand extends Verb {
  @Parameters(paramLabel = "JOB", description = "Id of the job.")
  private String job = "";

  @Override
  ExitCode run(Session session) throws ApiRefused, NoCoordinator {
    MessageResponse response = session.api().release(job);
    if (session.isJson()) {
      session.printJson(response);
    } else {
      session.print(Text.printable(response.message()));
    }
    session.suggest("lockstep watch " + job);
    return ExitCode.DONE;
  }
}
