package io.lockstep.coordinator.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;

/**
 * docs/cli.md is what the commands say of themselves; {@code -Ddocs.record=true} writes it anew.
 */
class CliDocsTest {
  private static final Path PAGE = Path.of("../docs/cli.md");

  @Test
  void thePageIsWhatTheCommandsSay() throws Exception {
    String page = page();
    if (Boolean.getBoolean("docs.record")) {
      Files.writeString(PAGE, page);
    }
    assertThat(Files.readString(PAGE)).isEqualTo(page);
  }

  private static String page() {
    CommandLine lockstep = Main.commandLine(CliRun.builder().terminal());
    var page = new StringBuilder();
    page.append("# The lockstep command\n\n")
        .append(
            "Written by `CliDocsTest` from the commands themselves; do not edit. `lockstep run`")
        .append(" has more to say: `lockstep run --help`.\n\n")
        .append(
            "Results go to stdout, talk to stderr. Colors only on a terminal and without"
                + " `NO_COLOR`. `LOCKSTEP_API` says where the seats are.\n\n");
    help(page, lockstep);
    lockstep.getSubcommands().values().stream()
        .filter(verb -> !verb.getCommandSpec().usageMessage().hidden())
        .forEach(
            verb -> {
              page.append("\n## ").append(verb.getCommandName()).append("\n\n");
              help(page, verb);
            });
    page.append("\n## Exit codes\n\n| Code | Means |\n|---|---|\n");
    for (ExitCode code : ExitCode.values()) {
      page.append("| %d | %s |\n".formatted(code.number(), code.meaning()));
    }
    return page.toString();
  }

  private static void help(StringBuilder page, CommandLine line) {
    page.append("```\n").append(line.getUsageMessage(Ansi.OFF).stripTrailing()).append("\n```\n");
  }
}
