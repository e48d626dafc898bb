package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.RankTable;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Places a gang on the fleet, all nodes or none. */
final class GangPlanner {
  private GangPlanner() {}

  /** A place, or why there is none. */
  sealed interface Placement {
    record Placed(RankTable table, List<NodeId> spares) implements Placement {}

    record Unplaceable(Reason reason) implements Placement {}
  }

  static Placement place(ClusterState state, Job job) {
    List<Node> free =
        state.nodes().values().stream()
            .filter(Node::isPlaceable)
            .filter(n -> isFreeFor(state, job, n.id()))
            .toList();
    int wanted = job.spec().nodes();
    int procs = procsPerNode(job, free, wanted);
    List<Node> fit = procs == 0 ? List.of() : fitting(free, procs, wanted);
    if (fit.size() < wanted) {
      return new Placement.Unplaceable(whyNot(state, job, free, procs));
    }
    RankTable table = table(job, fit, procs, wanted);
    List<NodeId> spares = spares(job, fit, table);
    return new Placement.Placed(table, spares);
  }

  /** True when the fleet, all jobs aside, could hold the gang: then smaller jobs do not pass it. */
  static boolean couldFitSomeday(ClusterState state, Job job) {
    return state.nodes().values().stream().filter(Node::isPlaceable).count() >= job.spec().nodes();
  }

  private static boolean isFreeFor(ClusterState state, Job job, NodeId node) {
    return state.jobs().values().stream()
        .noneMatch(other -> !other.id().equals(job.id()) && other.holds(node));
  }

  /** The job's number once it has one: checkpoints fit one world size only. */
  private static int procsPerNode(Job job, List<Node> free, int wanted) {
    if (job.procsPerNode() > 0) {
      return job.procsPerNode();
    }
    if (job.spec().procsPerNode() > 0) {
      return job.spec().procsPerNode();
    }
    if (!job.spec().devices().isEmpty()) {
      return job.spec().devices().size();
    }
    var counts = new TreeSet<Integer>(Comparator.reverseOrder());
    free.forEach(n -> counts.add(gpus(n)));
    for (int gpus : counts) {
      if (gpus > 0 && free.stream().filter(n -> gpus(n) >= gpus).count() >= wanted) {
        return gpus;
      }
    }
    return counts.contains(0) ? 1 : 0;
  }

  private static int gpus(Node node) {
    return node.inventory().gpus().size();
  }

  /** Nodes of one kind only: with enough GPUs, or, when those do not suffice, without any. */
  private static List<Node> fitting(List<Node> free, int procs, int wanted) {
    List<Node> withGpus = free.stream().filter(n -> gpus(n) >= procs).toList();
    return withGpus.size() >= wanted ? withGpus : free.stream().filter(n -> gpus(n) == 0).toList();
  }

  private static RankTable table(Job job, List<Node> fit, int procs, int wanted) {
    var entries = new ArrayList<RankTable.@Nullable Entry>();
    Set<NodeId> taken = new HashSet<>();
    for (int rank = 0; rank < wanted; rank++) {
      RankTable.@Nullable Entry survivor = survivor(job, fit, rank);
      entries.add(survivor);
      if (survivor != null) {
        taken.add(survivor.node());
      }
    }
    var fresh = new ArrayList<Node>();
    fit.stream().filter(n -> job.spares().contains(n.id())).forEach(fresh::add);
    fit.stream().filter(n -> !job.spares().contains(n.id())).forEach(fresh::add);
    fresh.removeIf(n -> taken.contains(n.id()));
    var next = fresh.iterator();
    var complete = new ArrayList<RankTable.Entry>();
    for (RankTable.@Nullable Entry entry : entries) {
      complete.add(entry != null ? entry : entryOf(next.next()));
    }
    return new RankTable(complete, procs);
  }

  private static RankTable.@Nullable Entry survivor(Job job, List<Node> fit, int rank) {
    Optional<NodeId> before = job.table().map(t -> t.nodes().get(rank));
    return before
        .flatMap(id -> fit.stream().filter(n -> n.id().equals(id)).findFirst())
        .map(GangPlanner::entryOf)
        .orElse(null);
  }

  private static RankTable.Entry entryOf(Node node) {
    return new RankTable.Entry(node.id(), node.inventory().address());
  }

  private static List<NodeId> spares(Job job, List<Node> fit, RankTable table) {
    return fit.stream()
        .map(Node::id)
        .filter(n -> !table.contains(n))
        .sorted(Comparator.comparing((NodeId n) -> !job.spares().contains(n)))
        .limit(job.spec().spares())
        .toList();
  }

  private static Reason whyNot(ClusterState state, Job job, List<Node> free, int procs) {
    var others = new ArrayList<String>();
    for (Node node : state.nodes().values()) {
      if (node.lost()) {
        others.add(node.id() + " lost");
      } else if (node.draining()) {
        others.add(node.id() + " draining");
      } else if (!isFreeFor(state, job, node.id())) {
        others.add(node.id() + " held by " + holder(state, job, node.id()));
      } else if (procs > 0 && gpus(node) > 0 && gpus(node) < procs) {
        others.add(node.id() + " has only " + gpus(node) + " GPUs");
      }
    }
    String names = others.size() > 8 ? others.subList(0, 8) + " …" : others.toString();
    return Reason.of(
        ReasonCode.WAITING_FOR_NODES,
        "needs %d free nodes%s, %d are free%s",
        job.spec().nodes(),
        procs > 1 ? " for " + procs + " workers each" : "",
        free.size(),
        others.isEmpty() ? "" : " " + names);
  }

  private static String holder(ClusterState state, Job job, NodeId node) {
    return state.jobs().values().stream()
        .filter(other -> !other.id().equals(job.id()) && other.holds(node))
        .map(other -> other.id().value())
        .findFirst()
        .orElse("nobody");
  }
}
