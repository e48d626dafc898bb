package io.lockstep.coordinator.cli;

import io.lockstep.coordinator.jobfile.NearestName;
import java.io.OutputStreamWriter;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.UnmatchedArgumentException;

/** The lockstep command. */
@Command(
    name = "lockstep",
    description = "Runs torchrun + DeepSpeed jobs on plain GPU hosts and keeps them running.",
    synopsisSubcommandLabel = "VERB",
    footer = {
      "",
      "Exit codes: 0 done, 1 internal error, 2 usage, 3 the job's own code failed,",
      "4 restart budget spent, 5 no progress, 6 infrastructure, 7 canceled,",
      "8 no coordinator reachable, 9 refused (conflict, invalid spec, not found).",
      "",
      "First steps: lockstep nodes; lockstep submit JOB.yaml --watch",
      "Without daemons, as torchrun is called: lockstep run --help"
    })
public final class Main implements Runnable {
  static final String API_VARIABLE = "LOCKSTEP_API";

  /** Stands in until picocli has set a verb's parent. */
  static final Main UNSET = new Main(Terminal.ofProcess());

  /** Options of all verbs that take the next word. */
  private static final Set<String> VALUED = Set.of("--api", "--output");

  /** In the order of the help. */
  private static final Map<String, Class<? extends Verb>> VERBS = verbs();

  @Option(
      names = "--api",
      paramLabel = "URL[,URL...]",
      scope = ScopeType.INHERIT,
      description = "Where the API is (env LOCKSTEP_API; default http://127.0.0.1:7733).")
  private Optional<String> api = Optional.empty();

  @Option(
      names = "--output",
      paramLabel = "table|json",
      scope = ScopeType.INHERIT,
      description = "Form of results on stdout: table (default) or json.")
  private Session.OutputForm output = Session.OutputForm.table;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      scope = ScopeType.INHERIT,
      description = "Show this help and exit.")
  @SuppressWarnings("UnusedVariable") // picocli looks at it
  private boolean help;

  private final Terminal terminal;

  Main(Terminal terminal) {
    this.terminal = terminal;
  }

  public static void main(String[] args) {
    System.exit(run(Terminal.ofProcess(), args));
  }

  /** Runs one command; the number that the process should exit with. */
  public static int run(Terminal terminal, String... args) {
    int code = commandLine(terminal, wanted(args)).execute(args);
    terminal.out().flush();
    terminal.err().flush();
    return code;
  }

  /** The verb that is asked for; to read the options of all takes longer than most of them run. */
  private static List<String> wanted(String... args) {
    for (int i = 0; i < args.length; i++) {
      if (VALUED.contains(args[i])) {
        i++;
      } else if (!args[i].startsWith("-")) {
        // one that tells of all the others needs them
        boolean isAlone = VERBS.containsKey(args[i]) && !args[i].equals("completion");
        return isAlone ? List.of(args[i]) : List.copyOf(VERBS.keySet());
      }
    }
    return List.copyOf(VERBS.keySet());
  }

  private static Map<String, Class<? extends Verb>> verbs() {
    var verbs = new LinkedHashMap<String, Class<? extends Verb>>();
    verbs.put("run", RunCommand.class);
    verbs.put("submit", SubmitCommand.class);
    verbs.put("list", ListCommand.class);
    verbs.put("describe", DescribeCommand.class);
    verbs.put("watch", WatchCommand.class);
    verbs.put("events", EventsCommand.class);
    verbs.put("logs", LogsCommand.class);
    verbs.put("bundle", BundleCommand.class);
    verbs.put("release", ReleaseCommand.class);
    verbs.put("cancel", CancelCommand.class);
    verbs.put("drain", DrainCommand.class);
    verbs.put("resume", ResumeCommand.class);
    verbs.put("nodes", NodesCommand.class);
    verbs.put("plan", PlanCommand.class);
    verbs.put("doctor", DoctorCommand.class);
    verbs.put("seats", SeatsCommand.class);
    verbs.put("schema", SchemaCommand.class);
    verbs.put("completion", CompletionCommand.class);
    verbs.put("names", NamesCommand.class);
    verbs.put("version", VersionCommand.class);
    return verbs;
  }

  /** The command with all its verbs, to which a distribution may add its own. */
  public static CommandLine commandLine(Terminal terminal) {
    return commandLine(terminal, List.copyOf(VERBS.keySet()));
  }

  private static CommandLine commandLine(Terminal terminal, Collection<String> verbs) {
    var line = new CommandLine(new Main(terminal));
    verbs.forEach(verb -> line.addSubcommand(Objects.requireNonNull(VERBS.get(verb))));
    return line.setOut(writer(terminal.out()))
        .setErr(writer(terminal.err()))
        .setColorScheme(
            CommandLine.Help.defaultColorScheme(
                terminal.isColored() ? CommandLine.Help.Ansi.ON : CommandLine.Help.Ansi.OFF))
        .setUsageHelpWidth(Terminal.DEFAULT_WIDTH)
        .setUsageHelpAutoWidth(false)
        .setParameterExceptionHandler((e, args) -> usage(terminal, e))
        .setExecutionExceptionHandler((e, failed, parsed) -> Failures.tell(terminal, e).number());
  }

  /** Without a verb: what there is. */
  @Override
  public void run() {
    CommandLine line = commandLine(terminal);
    throw new ParameterException(line, "a verb is missing");
  }

  Session session() throws UsageMistake {
    String addresses =
        api.or(() -> Optional.ofNullable(terminal.env().get(API_VARIABLE)))
            .filter(text -> !text.isBlank())
            .orElse(ApiClient.DEFAULT_API);
    var json = CliJson.mapper();
    return new Session(
        new ApiClient(ApiClient.addresses(addresses), json, terminal::say), terminal, output, json);
  }

  private static int usage(Terminal terminal, ParameterException e) {
    terminal.say("lockstep: " + e.getMessage());
    CommandLine line = e.getCommandLine();
    nearest(e).ifPresent(name -> terminal.say("did you mean: " + name + "?"));
    terminal.say("next: " + line.getCommandSpec().qualifiedName() + " --help");
    return ExitCode.USAGE.number();
  }

  /** The verb or option that a mistyped word was meant to be. */
  private static Optional<String> nearest(ParameterException e) {
    if (!(e instanceof UnmatchedArgumentException unmatched)
        || unmatched.getUnmatched().isEmpty()) {
      return Optional.empty();
    }
    String found = unmatched.getUnmatched().get(0);
    CommandLine line = e.getCommandLine();
    if (found.startsWith("-")) {
      return NearestName.of(found, line.getCommandSpec().optionsMap().keySet());
    }
    String verb = line.getCommandSpec().qualifiedName();
    return NearestName.of(found, line.getSubcommands().keySet()).map(name -> verb + " " + name);
  }

  private static PrintWriter writer(PrintStream stream) {
    return new PrintWriter(new OutputStreamWriter(stream, StandardCharsets.UTF_8), true);
  }
}
