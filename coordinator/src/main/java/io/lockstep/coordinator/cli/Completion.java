package io.lockstep.coordinator.cli;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/**
 * Writes completions from the commands themselves: verbs and options stand in the script, names of
 * jobs and nodes are asked of {@code lockstep names} when the key is pressed.
 */
final class Completion {
  private final CommandSpec root;

  Completion(CommandSpec root) {
    this.root = root;
  }

  /** The verbs that people see, in the order of the help. */
  private List<CommandSpec> verbs() {
    return root.subcommands().values().stream()
        .map(CommandLine::getCommandSpec)
        .filter(verb -> !verb.usageMessage().hidden())
        .distinct()
        .toList();
  }

  private String verbNames() {
    return verbs().stream().map(CommandSpec::name).collect(Collectors.joining(" "));
  }

  private static String options(CommandSpec verb) {
    return verb.options().stream()
        .filter(option -> !option.hidden())
        .map(OptionSpec::longestName)
        .sorted()
        .collect(Collectors.joining(" "));
  }

  /** Options of any verb that take the next word. */
  private String optionsWithValue() {
    return java.util.stream.Stream.concat(java.util.stream.Stream.of(root), verbs().stream())
        .flatMap(verb -> verb.options().stream())
        .filter(option -> option.arity().max() > 0)
        .map(OptionSpec::longestName)
        .distinct()
        .sorted(Comparator.naturalOrder())
        .collect(Collectors.joining(" | "));
  }

  /** What a verb's word is: jobs, nodes, files, or words to choose from. */
  private static String word(CommandSpec verb) {
    if (verb.name().equals("run")) {
      return "files";
    }
    List<PositionalParamSpec> words = verb.positionalParameters();
    if (words.isEmpty()) {
      return "";
    }
    String label = words.get(0).paramLabel();
    return switch (label) {
      case "JOB" -> "jobs";
      case "NODE" -> "nodes";
      case "JOB.yaml" -> "files";
      default -> label.replace('|', ' ');
    };
  }

  private static boolean isAsked(String word) {
    return word.equals("jobs") || word.equals("nodes");
  }

  List<String> bash() {
    var lines = new ArrayList<String>();
    lines.add("# bash completion of lockstep: source <(lockstep completion bash)");
    lines.add("_lockstep() {");
    lines.add("  local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}");
    lines.add("  local verb='' i");
    lines.add("  for ((i = 1; i < COMP_CWORD; i++)); do");
    lines.add("    case ${COMP_WORDS[i]} in");
    lines.add("      " + optionsWithValue() + ") ((i++)) ;;");
    lines.add("      -*) ;;");
    lines.add("      *) verb=${COMP_WORDS[i]}; break ;;");
    lines.add("    esac");
    lines.add("  done");
    lines.add("  COMPREPLY=()");
    lines.add("  case $before in");
    lines.add("    --output) COMPREPLY=($(compgen -W 'table json' -- \"$cur\")); return ;;");
    lines.add("    " + without(optionsWithValue(), "--output") + ") return ;;");
    lines.add("  esac");
    lines.add("  case $verb in");
    lines.add(bashCase("''", options(root), verbNames()));
    for (CommandSpec verb : verbs()) {
      lines.add(bashCase(verb.name(), options(verb), word(verb)));
    }
    lines.add("  esac");
    lines.add("}");
    lines.add("complete -F _lockstep lockstep");
    return lines;
  }

  private static String without(String options, String gone) {
    return List.of(options.split(" \\| ", -1)).stream()
        .filter(option -> !option.equals(gone))
        .collect(Collectors.joining(" | "));
  }

  private static String bashCase(String verb, String options, String word) {
    String words =
        isAsked(word)
            ? "compgen -W \"$(lockstep names " + word + " 2>/dev/null)\" -- \"$cur\""
            : word.equals("files")
                ? "compgen -f -- \"$cur\""
                : "compgen -W '" + word + "' -- \"$cur\"";
    return "    "
        + verb
        + ") if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '"
        + options
        + "' -- \"$cur\")); else COMPREPLY=($("
        + words
        + ")); fi ;;";
  }

  List<String> zsh() {
    var lines = new ArrayList<String>();
    lines.add("#compdef lockstep");
    lines.add("# zsh completion of lockstep: lockstep completion zsh > \"${fpath[1]}/_lockstep\"");
    lines.add("_lockstep() {");
    lines.add("  local verb='' i");
    lines.add("  for ((i = 2; i < CURRENT; i++)); do");
    lines.add("    case $words[i] in");
    lines.add("      " + optionsWithValue() + ") ((i++)) ;;");
    lines.add("      -*) ;;");
    lines.add("      *) verb=$words[i]; break ;;");
    lines.add("    esac");
    lines.add("  done");
    lines.add("  case $words[CURRENT-1] in");
    lines.add("    --output) compadd table json; return ;;");
    lines.add("  esac");
    lines.add("  case $verb in");
    lines.add(zshCase("''", options(root), verbNames()));
    for (CommandSpec verb : verbs()) {
      lines.add(zshCase(verb.name(), options(verb), word(verb)));
    }
    lines.add("  esac");
    lines.add("}");
    lines.add(
        "if [ \"$funcstack[1]\" = _lockstep ]; then _lockstep; else compdef _lockstep lockstep; fi");
    return lines;
  }

  private static String zshCase(String verb, String options, String word) {
    String words =
        isAsked(word)
            ? "compadd -- ${(f)\"$(lockstep names " + word + " 2>/dev/null)\"}"
            : word.equals("files") ? "_files" : "compadd -- " + word;
    return "    "
        + verb
        + ") if [[ $PREFIX == -* ]]; then compadd -- "
        + options
        + "; else "
        + words
        + "; fi ;;";
  }

  List<String> fish() {
    var lines = new ArrayList<String>();
    lines.add(
        "# fish completion: lockstep completion fish > ~/.config/fish/completions/lockstep.fish");
    lines.add("complete -c lockstep -f");
    for (CommandSpec verb : verbs()) {
      String seen = " -n '__fish_seen_subcommand_from " + verb.name() + "'";
      lines.add(
          "complete -c lockstep -n __fish_use_subcommand -a "
              + verb.name()
              + " -d '"
              + first(verb.usageMessage().description()).replace("'", "\\'")
              + "'");
      String word = word(verb);
      if (isAsked(word)) {
        lines.add(
            "complete -c lockstep" + seen + " -a '(lockstep names " + word + " 2>/dev/null)'");
      } else if (word.equals("files")) {
        lines.add("complete -c lockstep" + seen + " -F");
      } else if (!word.isEmpty()) {
        lines.add("complete -c lockstep" + seen + " -a '" + word + "'");
      }
      for (OptionSpec option : verb.options()) {
        lines.add(
            "complete -c lockstep"
                + seen
                + " -l "
                + option.longestName().substring(2)
                + (option.longestName().equals("--output") ? " -x -a 'table json'" : "")
                + (option.arity().max() > 0 && !option.longestName().equals("--output")
                    ? " -x"
                    : "")
                + " -d '"
                + first(option.description()).replace("'", "\\'")
                + "'");
      }
    }
    return lines;
  }

  private static String first(String[] description) {
    return description.length == 0 ? "" : description[0];
  }
}
