package io.lockstep.coordinator.cli;

import io.lockstep.protocol.api.MessageResponse;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Takes a node out of placement. */
@Command(
    name = "drain",
    description = "Take a node out of placement; a gang on it moves elsewhere.",
    footer = {"", "Examples:", "  lockstep drain gpu-07", "  lockstep drain gpu-07 --output json"})
final class DrainCommand extends Verb {
  @Parameters(paramLabel = "NODE", description = "Id of the node.")
  private String node = "";

  @Override
  ExitCode run(Session session) throws ApiRefused, NoCoordinator {
    MessageResponse response = session.api().drain(node);
    if (session.isJson()) {
      session.printJson(response);
    } else {
      session.print(Text.printable(response.message()));
    }
    session.suggest("lockstep resume " + node + " puts it back");
    return ExitCode.DONE;
  }
}
