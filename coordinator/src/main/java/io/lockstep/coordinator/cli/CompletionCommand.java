package io.lockstep.coordinator.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Prints what a shell needs to complete the command. */
@Command(
    name = "completion",
    description = "Print the completion for a shell: verbs, options, names of jobs and nodes.",
    footer = {
      "",
      "Examples:",
      "  source <(lockstep completion bash)",
      "  lockstep completion zsh > \"${fpath[1]}/_lockstep\"",
      "  lockstep completion fish > ~/.config/fish/completions/lockstep.fish"
    })
final class CompletionCommand extends Verb {
  /** Shells that can be told. */
  enum Shell {
    bash,
    zsh,
    fish
  }

  @Parameters(paramLabel = "bash|zsh|fish", description = "The shell.")
  private Shell shell = Shell.bash;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  ExitCode run(Session session) {
    var completion = new Completion(spec.root());
    session.print(
        switch (shell) {
          case bash -> completion.bash();
          case zsh -> completion.zsh();
          case fish -> completion.fish();
        });
    return ExitCode.DONE;
  }
}
