package io.lockstep.coordinator.cli;

import io.lockstep.coordinator.jobfile.JobDocument;
import io.lockstep.coordinator.jobfile.JobFile;
import io.lockstep.coordinator.plan.Admission;
import io.lockstep.protocol.api.DryRunView;
import io.lockstep.protocol.api.SubmitResponse;
import io.lockstep.protocol.model.JobId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Queues a job. */
@Command(
    name = "submit",
    description = "Queue a job; prints its id alone on stdout.",
    footer = {
      "",
      "Examples:",
      "  lockstep submit job.yaml --watch",
      "  lockstep submit job.yaml --set nodes=4 --set env.NCCL_DEBUG=INFO",
      "  lockstep submit job.yaml --dry-run",
      "  lockstep submit job.yaml --hold"
    })
final class SubmitCommand extends Verb {
  /** How long a submission is repeated while seats answer that they have no coordinator. */
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  @Parameters(paramLabel = "JOB.yaml", description = "The job file; - reads stdin.")
  private String file = "";

  @Option(
      names = "--set",
      paramLabel = "key=value",
      description = "Change the job file: a dotted key, a YAML value. May be repeated.")
  private List<String> edits = new ArrayList<>();

  @Option(names = "--id", paramLabel = "ID", description = "Id of the job.")
  private Optional<String> id = Optional.empty();

  @Option(
      names = "--hold",
      description = "Do not place it before: lockstep release JOB. For a new job only.")
  private boolean hold;

  @Option(
      names = "--dry-run",
      description = "Queue nothing; show what would start where, or why it would wait.")
  private boolean dryRun;

  @Option(names = "--force", description = "Queue it even if it cannot fit on the cards.")
  private boolean force;

  @Option(names = "--watch", description = "Then follow the job; exits with the job's code.")
  private boolean watch;

  @Override
  ExitCode run(Session session) throws Exception {
    Terminal terminal = session.terminal();
    if (id.isPresent()) {
      checkId(id.get());
    }
    JobDocument whole = new JobArgument(file, edits).read(terminal);
    JobFile.Parsed parsed = JobFile.parse(whole, JobFile.Defaults.STANDARD);
    if (parsed.spec().isEmpty()) {
      int count = parsed.mistakes().size();
      terminal.say(
          "lockstep: " + count + (count == 1 ? " mistake" : " mistakes") + ", nothing was queued");
      Failures.tellMistakes(terminal, JobArgument.name(file), parsed.mistakes());
      terminal.say("next: correct " + (count == 1 ? "it" : "them") + " and submit again");
      return ExitCode.REFUSED;
    }
    if (id.isPresent() && parsed.id().isPresent() && !id.equals(parsed.id())) {
      throw new UsageMistake(
          "--id says "
              + id.get()
              + ", the job file says "
              + parsed.id().get()
              + "; keep one of them");
    }
    if (!dryRun && isRefused(MemoryCheck.of(parsed.spec().get(), session), terminal)) {
      return ExitCode.REFUSED;
    }
    String chosen = id.or(parsed::id).orElse(JobFile.idFor(parsed.spec().get().name(), random()));
    return submit(session, whole.json(), chosen);
  }

  /** Tells what the cards have to do with it; true when it must not be queued. */
  private boolean isRefused(Admission admission, Terminal terminal) {
    boolean refused = admission.refused() && !force;
    admission
        .message()
        .ifPresent(
            text ->
                terminal.say(
                    "lockstep: " + text + (refused ? "; nothing was queued" : "; queued anyway")));
    if (refused) {
      terminal.say(
          "next: lockstep plan " + file + " --advise, or submit with --force if that is wrong");
    } else if (admission.message().isPresent()) {
      terminal.say("next: lockstep plan " + file + " says what needs how much");
    }
    return refused;
  }

  private ExitCode submit(Session session, String jobFile, String chosen) throws Exception {
    if (dryRun) {
      return dryRun(session, jobFile, chosen);
    }
    var patience = new Patience(session.terminal(), PATIENCE, true);
    SubmitResponse response = patience.until(() -> session.api().submit(jobFile, chosen, hold));
    if (session.isJson() && !watch) {
      session.printJson(response);
    } else {
      session.print(response.id());
    }
    session
        .terminal()
        .say((response.created() ? "queued: " : "known already: ") + response.reason().message());
    if (watch) {
      return new Watcher(session).untilOver(response.id());
    }
    session.suggest("lockstep " + (hold ? "release " : "watch ") + response.id());
    return ExitCode.DONE;
  }

  private static ExitCode dryRun(Session session, String jobFile, String chosen)
      throws ApiRefused, NoCoordinator {
    DryRunView view = session.api().dryRun(jobFile, chosen);
    if (session.isJson()) {
      session.printJson(view);
    } else {
      session.print(DryRunText.lines(view, session.terminal().width()));
      session.terminal().say("nothing was queued");
    }
    return ExitCode.DONE;
  }

  private static void checkId(String id) throws UsageMistake {
    try {
      new JobId(id);
    } catch (IllegalArgumentException e) {
      throw new UsageMistake("--id: " + e.getMessage());
    }
  }

  private static String random() {
    return Long.toString(ThreadLocalRandom.current().nextLong(1L << 40, 1L << 60), 36);
  }
}
