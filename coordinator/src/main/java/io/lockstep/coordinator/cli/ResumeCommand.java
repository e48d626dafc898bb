package io.lockstep.coordinator.cli;

import io.lockstep.protocol.api.MessageResponse;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Puts a node back into placement. */
@Command(
    name = "resume",
    description = "Put a drained node back into placement.",
    footer = {"", "Example:", "  lockstep resume gpu-07"})
final class ResumeCommand extends Verb {
  @Parameters(paramLabel = "NODE", description = "Id of the node.")
  private String node = "";

  @Override
  ExitCode run(Session session) throws ApiRefused, NoCoordinator {
    MessageResponse response = session.api().resume(node);
    if (session.isJson()) {
      session.printJson(response);
    } else {
      session.print(Text.printable(response.message()));
    }
    session.suggest("lockstep nodes");
    return ExitCode.DONE;
  }
}
