package io.lockstep.coordinator.cli;

import io.lockstep.protocol.api.JobView;
import io.lockstep.protocol.api.NodeView;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Names for shells to complete with, one a line; says nothing when nobody answers. */
@Command(name = "names", hidden = true, description = "Print names of jobs or nodes for a shell.")
final class NamesCommand extends Verb {
  /** What there are names of. */
  enum Kind {
    jobs,
    nodes
  }

  @Parameters(paramLabel = "jobs|nodes", description = "Whose names.")
  private Kind kind = Kind.jobs;

  @Override
  ExitCode run(Session session) {
    try {
      session.print(
          switch (kind) {
            case jobs -> session.api().jobs().stream().map(JobView::id).toList();
            case nodes -> session.api().nodes().stream().map(NodeView::node).toList();
          });
      return ExitCode.DONE;
    } catch (ApiRefused | NoCoordinator e) {
      return ExitCode.NO_COORDINATOR; // a word there would land in the user's line
    }
  }
}
