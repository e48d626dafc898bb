package io.lockstep.coordinator.cli;

import io.lockstep.protocol.api.DoctorView;
import io.lockstep.protocol.api.PairsView;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Looks at nodes before anything runs on them. */
@Command(
    name = "doctor",
    description = {
      "Look at the nodes: GPUs, memory, versions, ports, clocks, folders.",
      "With --pairs: let them train a moment in pairs, which names a bad one.",
      "Exit code 6 when a check fails."
    },
    footer = {
      "",
      "Examples:",
      "  lockstep doctor",
      "  lockstep doctor gpu-07 gpu-08 --folder /shared/out --all",
      "  lockstep doctor --pairs --python /opt/venv/bin/python"
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
      description = "Interpreter to look at, or to run (default: the daemon's).")
  private Optional<String> python = Optional.empty();

  @Option(
      names = "--pairs",
      description = "Only this: a matmul on each, all-gathers in pairs. Not where a job is.")
  private boolean pairs;

  @Option(names = "--all", description = "Show what is well, too.")
  private boolean all;

  @Override
  ExitCode run(Session session) throws ApiRefused, NoCoordinator, UsageMistake {
    if (pairs) {
      return meet(session);
    }
    DoctorView view =
        session.api().doctor(nodes, folder.map(f -> f.toAbsolutePath().toString()), python);
    if (session.isJson()) {
      session.printJson(view);
    } else {
      view.nodes().forEach(node -> tell(session, node));
    }
    return view.healthy() ? ExitCode.DONE : ExitCode.INFRASTRUCTURE;
  }

  private ExitCode meet(Session session) throws ApiRefused, NoCoordinator, UsageMistake {
    if (folder.isPresent()) {
      throw new UsageMistake("--pairs looks at no folder; leave out --pairs or --folder");
    }
    session.terminal().say("the nodes meet in pairs; one that does not answer takes a minute");
    PairsView view = session.api().pairs(nodes, python);
    if (session.isJson()) {
      session.printJson(view);
    } else {
      session.print(table(session, view).lines());
      view.nodes().forEach(node -> tell(session, node));
    }
    return view.healthy() ? ExitCode.DONE : ExitCode.INFRASTRUCTURE;
  }

  private static TableWriter table(Session session, PairsView view) {
    var table =
        new TableWriter(
            session.terminal().width(), "ROUND", "RESULT", "ALL-GATHER", "GB/S", "NODES");
    for (PairsView.GroupView group : view.groups()) {
      table.row(
          Integer.toString(group.round()),
          group.result(),
          group.gatherSeconds().map(s -> number("%.1f ms", s * 1e3)).orElse("-"),
          group.bytesPerSecond().map(b -> number("%.2f", b / 1e9)).orElse("-"),
          String.join(", ", group.nodes()));
    }
    return table;
  }

  private static String number(String format, double value) {
    return String.format(Locale.ROOT, format, value);
  }

  private void tell(Session session, DoctorView.PatientView node) {
    long well = node.findings().stream().filter(f -> f.severity().equals("OK")).count();
    session.print(Text.printable(node.node()) + ": " + well + " checks are well");
    for (DoctorView.FindingView each : node.findings()) {
      boolean isIll = each.severity().equals("FAIL") || each.severity().equals("WARN");
      boolean isLeftOut = pairs && each.severity().equals("SKIPPED");
      if (isIll || isLeftOut || all) {
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
