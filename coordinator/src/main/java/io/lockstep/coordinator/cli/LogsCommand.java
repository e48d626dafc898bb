package io.lockstep.coordinator.cli;

import io.lockstep.protocol.api.JobView;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows the workers' output. */
@Command(
    name = "logs",
    description = "Show the workers' output, each line after its node rank/rank.",
    footer = {
      "",
      "Examples:",
      "  lockstep logs qwen3-k3x9a1 -f",
      "  lockstep logs qwen3-k3x9a1 --rank 3 --attempt 1"
    })
final class LogsCommand extends Verb {
  @Parameters(paramLabel = "JOB", description = "Id of the job.")
  private String job = "";

  @Option(names = "--rank", paramLabel = "R", description = "Only this worker (default: all).")
  private Optional<Integer> rank = Optional.empty();

  @Option(
      names = "--attempt",
      paramLabel = "N",
      description = "This attempt (default: the newest).")
  private Optional<Integer> attempt = Optional.empty();

  @Option(
      names = {"-f", "--follow"},
      description = "Go on until the job, or the attempt that was named, is over.")
  private boolean follow;

  @Override
  ExitCode run(Session session) throws Exception {
    if (rank.isPresent() && rank.get() < 0) {
      throw new UsageMistake("--rank must be 0 or more, found: " + rank.get());
    }
    if (attempt.isPresent() && attempt.get() < 1) {
      throw new UsageMistake("--attempt must be 1 or more, found: " + attempt.get());
    }
    JobView view = session.api().job(job);
    var printer = new LogPrinter(session, job);
    if (follow) {
      return printer.follow(view, rank, attempt);
    }
    int wanted = attempt.orElse(view.attempt());
    if (wanted == 0) {
      session.terminal().say("no attempt has begun: " + view.reason().message());
      session.suggest("lockstep watch " + view.id());
      return ExitCode.DONE;
    }
    return printer.once(wanted, ranks(view, wanted, rank));
  }

  /** The ranks of an attempt: as asked, or all of its rank table. */
  static List<Integer> ranks(JobView view, int attempt, Optional<Integer> asked) {
    if (asked.isPresent()) {
      return List.of(asked.get());
    }
    int nodes =
        view.attempts().stream()
            .filter(past -> past.attempt() == attempt && !past.rankTable().isEmpty())
            .findFirst()
            .map(past -> past.rankTable().size())
            .orElse(Math.max(view.rankTable().size(), 1));
    return IntStream.range(0, nodes * Math.max(1, view.procsPerNode())).boxed().toList();
  }
}
