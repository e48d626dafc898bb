package io.lockstep.coordinator.cli;

import io.lockstep.protocol.api.JobView;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Writes what is left of a job into one file, for who looks at it later or elsewhere. */
@Command(
    name = "bundle",
    description = {
      "Write a post-mortem archive: events, ranks, last lines, error files.",
      "Works as far as it goes when nodes are gone; MANIFEST.txt in it says what is missing. Secrets"
          + " in the environment are left out, by their names; read it before you send it."
    },
    footer = {
      "",
      "Examples:",
      "  lockstep bundle qwen3-k3x9a1",
      "  lockstep bundle qwen3-k3x9a1 -o /tmp/qwen3.zip"
    })
final class BundleCommand extends Verb {
  @Parameters(paramLabel = "JOB", description = "Id of the job.")
  private String job = "";

  @Option(
      names = {"-o", "--output-file"},
      paramLabel = "FILE",
      description = "Where to write it (default: JOB-bundle.zip here).")
  private Optional<Path> file = Optional.empty();

  @Override
  ExitCode run(Session session) throws Exception {
    JobView view = session.api().job(job);
    Path target = file.orElse(Path.of(view.id() + "-bundle.zip"));
    Said said;
    try (var archive = BundleArchive.open(target)) {
      new BundleContent(session, view, archive).collect();
      archive.finish();
      said = new Said(target.toAbsolutePath().normalize().toString(), archive.missing());
    } catch (IOException e) {
      throw new UsageMistake(
          "the bundle cannot be written to " + target + " (" + e + "); name another file with -o");
    }
    if (session.isJson()) {
      session.printJson(said);
    } else {
      session.print(said.file());
      said.missing().stream().limit(3).forEach(one -> session.terminal().say("missing: " + one));
      if (said.missing().size() > 3) {
        session
            .terminal()
            .say("and " + (said.missing().size() - 3) + " more: MANIFEST.txt in it has all");
      }
    }
    return ExitCode.DONE;
  }

  /** What is told of it. */
  record Said(String file, List<String> missing) {}
}
