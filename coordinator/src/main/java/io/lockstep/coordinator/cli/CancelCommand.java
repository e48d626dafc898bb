package io.lockstep.coordinator.cli;

import io.lockstep.coordinator.jobfile.Durations;
import io.lockstep.protocol.api.MessageResponse;
import java.time.Duration;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Ends a job. */
@Command(
    name = "cancel",
    description = "End a job: TERM, and after the grace KILL.",
    footer = {
      "",
      "Examples:",
      "  lockstep cancel qwen3-k3x9a1",
      "  lockstep cancel qwen3-k3x9a1 --grace 5m",
      "  lockstep cancel qwen3-k3x9a1 --checkpoint"
    })
final class CancelCommand extends Verb {
  private static final Duration MAX_GRACE = Duration.ofHours(1);

  @Parameters(paramLabel = "JOB", description = "Id of the job.")
  private String job = "";

  @Option(
      names = "--grace",
      paramLabel = "DURATION",
      defaultValue = "30s",
      description = "Time to save a checkpoint between TERM and KILL (default: 30s).")
  private String grace = "30s";

  @Option(
      names = "--checkpoint",
      description =
          "Ask for a checkpoint first and lose no step, where the script uses Lockstep's helper;"
              + " for as long as checkpoint.onStop of the job says (default there: 10m).")
  private boolean checkpoint;

  @Override
  ExitCode run(Session session) throws Exception {
    Duration time =
        Durations.parse(grace)
            .filter(d -> d.compareTo(MAX_GRACE) <= 0 && d.toMillis() % 1000 == 0)
            .orElseThrow(
                () ->
                    new UsageMistake(
                        "--grace must be whole seconds up to 1h, as in 30s, found: \""
                            + grace
                            + "\""));
    MessageResponse response = session.api().cancel(job, time.toSeconds(), checkpoint);
    if (session.isJson()) {
      session.printJson(response);
    } else {
      session.print(Text.printable(response.message()));
    }
    session.suggest("lockstep watch " + job);
    return ExitCode.DONE;
  }
}
