package io.lockstep.coordinator.cli;

import io.lockstep.coordinator.jobfile.JobDocument;
import io.lockstep.coordinator.jobfile.JobFile;
import io.lockstep.coordinator.jobfile.ShippedZero;
import io.lockstep.coordinator.jobfile.ZeroJson;
import io.lockstep.coordinator.plan.Advice;
import io.lockstep.coordinator.plan.Fit;
import io.lockstep.coordinator.plan.Plan;
import io.lockstep.coordinator.plan.PlanRequest;
import io.lockstep.coordinator.plan.Planner;
import io.lockstep.coordinator.plan.Unplannable;
import io.lockstep.coordinator.plan.ZeroProposal;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.ReasonedException;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Says what a job will need, before anything runs. */
@Command(
    name = "plan",
    description = "Say what a job will need: memory, checkpoints, steps. Nothing is started.",
    footer = {
      "",
      "Without --gpu the cluster is asked for its cards; none needs to answer.",
      "",
      "Examples:",
      "  lockstep plan job.yaml --nodes 4 --gpus-per-node 8 --gpu H100-80GB",
      "  lockstep plan job.yaml --guide",
      "  lockstep plan job.yaml --gpu 80GB --host-memory 2e12 --advise --write zero.json"
    })
final class PlanCommand extends Verb {
  @Parameters(paramLabel = "JOB.yaml", description = "The job file; - reads stdin.")
  private String file = "";

  @Option(
      names = "--set",
      paramLabel = "key=value",
      description = "Change the job file: a dotted key, a YAML value. May be repeated.")
  private List<String> edits = new ArrayList<>();

  @Mixin private HardwareOptions hardware = new HardwareOptions();

  @Option(
      names = "--model",
      paramLabel = "FOLDER",
      description = "Folder with config.json, instead of the job file's paths.model.")
  private Optional<String> model = Optional.empty();

  @Option(
      names = "--params",
      paramLabel = "COUNT",
      description = "Parameters of the model, as in 32e9, where no config.json says.")
  private Optional<String> params = Optional.empty();

  @Option(
      names = "--sequence",
      paramLabel = "TOKENS",
      description = "Tokens of a sample, where no flag of the script says.")
  private Optional<Integer> sequence = Optional.empty();

  @Option(
      names = "--samples",
      paramLabel = "COUNT",
      description = "Samples of one epoch, for the number of steps.")
  private Optional<Long> samples = Optional.empty();

  @Option(names = "--guide", description = "The guide's own memory table beside the true range.")
  private boolean guide;

  @Option(
      names = "--advise",
      description = "Rank stage, offload, checkpointing and micro batch; recommend one.")
  private boolean advise;

  @Option(
      names = "--write",
      paramLabel = "FILE",
      description = "With --advise: write the recommended DeepSpeed file; never over another.")
  private Optional<String> write = Optional.empty();

  @Override
  ExitCode run(Session session) throws Exception {
    Terminal terminal = session.terminal();
    if (write.isPresent() && !advise) {
      throw new UsageMistake("--write goes with --advise: it writes what is recommended");
    }
    JobDocument whole = new JobArgument(file, edits).read(terminal);
    JobFile.Parsed parsed = JobFile.parse(whole, JobFile.Defaults.STANDARD);
    if (parsed.spec().isEmpty()) {
      terminal.say("lockstep: the job file has mistakes");
      Failures.tellMistakes(terminal, JobArgument.name(file), parsed.mistakes());
      return ExitCode.REFUSED;
    }
    Plan plan = plan(parsed.spec().get(), session);
    if (session.isJson()) {
      session.printJson(plan);
    } else {
      session.print(new PlanText(terminal.width()).lines(plan));
    }
    if (write.isPresent()) {
      return write(plan, Path.of(write.get()), terminal);
    }
    if (!advise && plan.fit().filter(fit -> fit != Fit.FITS).isPresent()) {
      session.suggest("lockstep plan " + file + " --advise");
    }
    return ExitCode.DONE;
  }

  private Plan plan(JobSpec job, Session session) throws Exception {
    var probe = new FlagProbe(job, session.terminal().env(), session.json(), FlagProbe.LIMIT);
    var request =
        new PlanRequest(
            job,
            model(job, session.terminal()),
            PlanInputs.zero(job),
            PlanInputs.shipped(),
            parameters(),
            positive("--sequence", sequence.map(Integer::longValue)).isPresent()
                ? OptionalInt.of(sequence.orElseThrow())
                : OptionalInt.empty(),
            positive("--samples", samples),
            hardware.find(job, session),
            guide,
            advise);
    Plan plan = Planner.plan(request);
    FlagProbe.Found flags = probe.ask();
    return plan.with(flags.warnings(), flags.skipped());
  }

  private Optional<Map<String, Object>> model(JobSpec job, Terminal terminal) throws Unplannable {
    Optional<Path> folder =
        model
            .map(text -> terminal.folder().resolve(text))
            .or(() -> job.paths().model().map(Path::of));
    boolean isGiven = model.isPresent() || params.isEmpty();
    if (folder.isEmpty() || (!isGiven && !Files.exists(folder.get().resolve("config.json")))) {
      return Optional.empty();
    }
    return Optional.of(ModelFolder.config(folder.get()));
  }

  private OptionalLong parameters() throws UsageMistake {
    if (params.isEmpty()) {
      return OptionalLong.empty();
    }
    try {
      double number = Double.parseDouble(params.get());
      if (number >= 1e3 && number <= 1e14) {
        return OptionalLong.of(Math.round(number));
      }
    } catch (NumberFormatException e) {
      // told below
    }
    throw new UsageMistake(
        "--params must be a number from 1e3 to 1e14, as in 32e9, found: " + params.get());
  }

  private static OptionalLong positive(String option, Optional<Long> value) throws UsageMistake {
    if (value.isEmpty()) {
      return OptionalLong.empty();
    }
    if (value.get() < 1 || value.get() > 1_000_000_000_000L) {
      throw new UsageMistake(option + " must be above 0, found: " + value.get());
    }
    return OptionalLong.of(value.get());
  }

  private static ExitCode write(Plan plan, Path given, Terminal terminal)
      throws IOException, ReasonedException, UsageMistake {
    Optional<Advice.Choice> choice = plan.advice().flatMap(Advice::recommended);
    if (choice.isEmpty()) {
      terminal.say("lockstep: nothing is recommended, so nothing was written");
      return ExitCode.REFUSED;
    }
    Path path = terminal.folder().resolve(given);
    var config =
        ZeroProposal.of(choice.get(), ZeroJson.read(ShippedZero.json(choice.get().stage())));
    try {
      Files.writeString(path, ZeroJson.write(config), StandardOpenOption.CREATE_NEW);
    } catch (FileAlreadyExistsException e) {
      throw new UsageMistake(path + " is there already; name another file or remove it");
    }
    terminal.say("written: " + path);
    terminal.say(
        "next: zero: "
            + given
            + " in the job file, with --per_device_train_batch_size "
            + choice.get().microBatch()
            + " --gradient_accumulation_steps "
            + choice.get().accumulation()
            + " --gradient_checkpointing "
            + (choice.get().checkpointing() ? "True" : "False"));
    return ExitCode.DONE;
  }
}
