package io.lockstep.coordinator.cli;

import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Unmatched;

/**
 * Stands for {@code lockstep run} in the list of verbs; bin/lockstep starts the real one, which
 * needs the whole daemon, before this is looked at.
 */
@Command(
    name = "run",
    customSynopsis = "lockstep run [FLAGS OF TORCHRUN...] SCRIPT [ARGS...]",
    description = "Run a script here in the foreground, as torchrun would (run --help).",
    footer = {
      "",
      "Examples:",
      "  lockstep run --standalone --nproc-per-node 4 train.py --epochs 3",
      "  lockstep run --nnodes 2 --node-rank 0 --master-addr 10.0.0.1 train.py"
    })
final class RunCommand extends Verb {
  @Unmatched private List<String> words = new ArrayList<>();

  @Override
  ExitCode run(Session session) throws UsageMistake {
    throw new UsageMistake(
        "lockstep run "
            + String.join(" ", words)
            + " is started by bin/lockstep of an installation");
  }
}
