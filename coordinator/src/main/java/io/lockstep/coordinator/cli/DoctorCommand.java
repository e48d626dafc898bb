package io.lockstep.coordinator.cli;

import io.lockstep.protocol.api.DoctorView;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Looks at nodes before anything runs on them. */
@Command(
    name = "doctor",
    description = {
      "Look at the nodes: GPUs, memory, versions, ports, clocks, folders.",
      "Exit code 6 when a check fails."
    },
    footer = {
      "",
      "Examples:",
      "  lockstep doctor",
      "  lockstep doctor gpu-07 gpu-08 --folder /shared/out --all"
    })
final class DoctorCommand extends Verb {
  @Parameters(
      paramLabel = "NODE",
      arity = "0..*",
      description = "Ids of nodes; all that are not lost when none is given.")
  private List<String> nodes = List.of();

  @Option(
      names = "--folder",
      paramLabel = "DIR",
      description = "A checkpoint folder: is it shared, writable, with room?")
  private Optional<Path> folder = Optional.empty();

  @Option(
      names = "--python",
      paramLabel = "FILE",
      description = "Interpreter to look at (default: the daemon's).")
  private Optional<String> python = Optional.empty();

  @Option(names = "--all", description = "Show what is well, too.")
  private boolean all;

  @Override
  ExitCode run(Session session) throws ApiRefused, NoCoordinator {
    DoctorView view =
        session.api().doctor(nodes, folder.map(f -> f.toAbsolutePath().toString()), python);
    if (session.isJson()) {
      session.printJson(view);
    } else {
      view.nodes().forEach(node -> tell(session, node));
    }
    return view.healthy() ? ExitCode.DONE : ExitCode.INFRASTRUCTURE;
  }

  private void tell(Session session, DoctorView.PatientView node) {
    long well = node.findings().stream().filter(f -> f.severity().equals("OK")).count();
    session.print(Text.printable(node.node()) + ": " + well + " checks are well");
    for (DoctorView.FindingView each : node.findings()) {
      boolean isIll = each.severity().equals("FAIL") || each.severity().equals("WARN");
      if (isIll || all) {
        print(session, each.severity() + " " + each.code() + ": " + each.found(), 2);
        if (!each.todo().isEmpty()) {
          print(session, "do: " + each.todo(), 7);
        }
      }
    }
  }

  private static void print(Session session, String text, int indent) {
    int width = Math.max(20, session.terminal().width() - indent);
    Text.wrap(text, width).forEach(line -> session.print(" ".repeat(indent) + line));
  }
}
