package io.lockstep.coordinator.cli;

import io.lockstep.protocol.api.DryRunView;
import io.lockstep.protocol.api.DryRunView.LaunchView;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** What would start, as people read it and shells take it. */
final class DryRunText {
  private DryRunText() {}

  static List<String> lines(DryRunView view, int width) {
    var lines = new ArrayList<String>();
    lines.addAll(
        Text.wrap(
            view.placeable()
                ? "would start at once: " + view.worldSize() + " workers"
                : "would wait: " + view.reason().message(),
            width));
    table(lines, view, width);
    for (LaunchView launch : view.launches()) {
      lines.add("");
      lines.add("node rank " + launch.nodeRank() + " on " + launch.node() + " runs:");
      lines.add("  " + Text.printable(shell(launch.argv())));
    }
    lines.add("");
    lines.add("environment, beyond the daemon's own and torchrun's variables:");
    view.env()
        .forEach((name, value) -> lines.add("  " + Text.printable(name + "=" + quoted(value))));
    lines.add("");
    lines.addAll(Text.wrap("goes on from: " + view.resume(), width));
    view.zeroJson()
        .ifPresent(
            json -> {
              lines.add("");
              lines.add("ZeRO configuration, the same on every node:");
              json.lines().forEach(line -> lines.add("  " + Text.printable(line)));
            });
    return lines;
  }

  private static void table(List<String> lines, DryRunView view, int width) {
    lines.add("");
    if (view.placeable()) {
      var ranks = new TableWriter(width, "NODE RANK", "NODE", "ADDRESS", "RANKS");
      view.launches()
          .forEach(
              l -> ranks.row(Integer.toString(l.nodeRank()), l.node(), l.address(), l.ranks()));
      lines.addAll(ranks.lines());
      if (!view.spareNodes().isEmpty()) {
        lines.add("kept as spares: " + String.join(", ", view.spareNodes()));
      }
    } else {
      var waits = new TableWriter(width, "WAITS FOR", "BUT IT IS");
      view.waits().forEach(wait -> waits.row(wait.node(), wait.why()));
      lines.addAll(waits.lines());
    }
  }

  private static String shell(List<String> argv) {
    return argv.stream().map(DryRunText::quoted).collect(Collectors.joining(" "));
  }

  private static String quoted(String word) {
    return word.matches("[A-Za-z0-9_./:=@%+,-]+") ? word : "'" + word.replace("'", "'\\''") + "'";
  }
}
