package io.lockstep.coordinator.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Follows a job until it is over. */
@Command(
    name = "watch",
    description = "Follow a job until it is over; exits with the job's code.",
    footer = {
      "",
      "Examples:",
      "  lockstep watch qwen3-k3x9a1",
      "  lockstep watch qwen3-k3x9a1 --output json >> progress.jsonl"
    })
final class WatchCommand extends Verb {
  @Parameters(paramLabel = "JOB", description = "Id of the job.")
  private String job = "";

  @Override
  ExitCode run(Session session) throws Exception {
    return new Watcher(session).untilOver(job);
  }
}
