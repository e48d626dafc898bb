package io.lockstep.deploy.run;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;

/** Reads the command line as torchrun reads its own: both spellings, PET_* variables, and all. */
final class RunParser {
  /** What bin/lockstep skips, with its value, on its way to the verb. */
  private static final Set<String> GLOBAL = Set.of("--api", "--output");

  private RunParser() {}

  /**
   * Options as written.
   *
   * @param env where PET_NNODES and the like come from, as with torchrun
   */
  static RunOptions parse(Map<String, String> env, String... args) throws RunRefused {
    var options = new RunOptions();
    CommandLine line = commandLine(options, env);
    List<String> own = hyphened(line.getCommandSpec(), args);
    for (String arg : own) {
      if (RefusedFlags.refusal(arg).isPresent()) {
        throw RunRefused.usage(RefusedFlags.refusal(arg).get());
      }
    }
    var all = new ArrayList<>(own);
    all.addAll(Arrays.asList(args).subList(own.size(), args.length));
    try {
      line.parseArgs(all.toArray(String[]::new));
    } catch (ParameterException e) {
      throw RunRefused.usage(
          e.getMessage() + "; lockstep run --help lists the flags (they come before SCRIPT)");
    }
    return options;
  }

  /** The command's words without the verb, which options that all verbs have may come before. */
  static String[] withoutVerb(String... args) {
    var words = new ArrayList<>(List.of(args));
    int verb = 0;
    while (verb < args.length && args[verb].startsWith("-")) {
      verb += GLOBAL.contains(args[verb]) ? 2 : 1;
    }
    if (verb < args.length) {
      words.remove(verb);
    }
    return words.toArray(String[]::new);
  }

  static String help() {
    return new CommandLine(new RunOptions()).setUsageHelpWidth(100).getUsageMessage();
  }

  /** What is taken under this name, of torchrun's or of Lockstep's own; empty where nothing is. */
  static Optional<OptionSpec> option(String flag) {
    return Optional.ofNullable(new CommandLine(new RunOptions()).getCommandSpec().findOption(flag));
  }

  private static CommandLine commandLine(RunOptions options, Map<String, String> env) {
    return new CommandLine(options)
        .setStopAtPositional(true)
        .setDefaultValueProvider(arg -> fromEnvironment(arg, env));
  }

  private static @Nullable String fromEnvironment(ArgSpec arg, Map<String, String> env) {
    if (!(arg instanceof OptionSpec option) || option.arity().max() == 0) {
      return null;
    }
    String name = option.longestName();
    @Nullable String value = env.get(variable(name));
    return value == null && name.equals("--shutdown-timeout")
        ? env.get("TORCH_ELASTIC_SHUTDOWN_TIMEOUT") // as torchrun takes it
        : value;
  }

  private static String variable(String name) {
    return "PET_" + name.replaceFirst("^-+", "").replace('-', '_').toUpperCase(Locale.ROOT);
  }

  /** The arguments before SCRIPT, with --a_b written --a-b as argparse takes both. */
  private static List<String> hyphened(CommandSpec spec, String... args) {
    var own = new ArrayList<String>();
    boolean isValue = false;
    for (String arg : args) {
      if (!isValue && (!arg.startsWith("-") || arg.equals("--"))) {
        break;
      }
      String name = arg.split("=", 2)[0];
      String flag = name.startsWith("--") ? name.replace('_', '-') : name;
      own.add(isValue ? arg : flag + arg.substring(name.length()));
      OptionSpec option = spec.findOption(flag);
      isValue = !isValue && !arg.contains("=") && option != null && option.arity().max() > 0;
    }
    return own;
  }
}
