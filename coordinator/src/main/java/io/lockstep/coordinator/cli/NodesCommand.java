package io.lockstep.coordinator.cli;

import io.lockstep.protocol.api.NodeView;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;

/** Lists the nodes. */
@Command(
    name = "nodes",
    description = "List the nodes of the fleet.",
    footer = {
      "",
      "Examples:",
      "  lockstep nodes",
      "  lockstep --api http://10.0.0.1:7733,http://10.0.0.2:7733 nodes"
    })
final class NodesCommand extends Verb {
  @Override
  ExitCode run(Session session) throws ApiRefused, NoCoordinator {
    List<NodeView> nodes = session.api().nodes();
    if (session.isJson()) {
      session.printJson(nodes);
      return ExitCode.DONE;
    }
    var table =
        new TableWriter(
            session.terminal().width(), "NODE", "HEALTH", "ROLE", "GPUS", "RANK", "JOB, REASON");
    for (NodeView node : nodes) {
      table.row(
          node.node().equals(node.address()) ? node.node() : node.node() + "@" + node.address(),
          node.health(),
          node.coordinator() ? "coordinator" : node.seat() ? "seat" : "-",
          Integer.toString(node.gpus().size()),
          node.nodeRank().map(rank -> Integer.toString(rank)).orElse("-"),
          what(node));
    }
    session.print(table.lines());
    return ExitCode.DONE;
  }

  private static String what(NodeView node) {
    var said = new ArrayList<String>();
    node.job().ifPresent(said::add);
    if (!node.health().equals("READY") && !node.reason().message().isEmpty()) {
      said.add(node.reason().message());
    }
    node.warmPool().map(NodesCommand::pool).ifPresent(said::add);
    return said.isEmpty() ? "-" : String.join(", ", said);
  }

  private static String pool(NodeView.WarmPoolView pool) {
    String memory = pool.memoryBytes().map(b -> " " + (b >> 20) + " MB").orElse("");
    return (pool.spare() ? "spare of " + pool.job() + ", its warm pool" : "warm pool")
        + switch (pool.state()) {
          case "READY" -> memory;
          case "LOADING" -> memory + " loading";
          default -> " failed" + pool.problem().map(why -> ": " + why).orElse("");
        };
  }
}
