package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.FailureCause;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.RankTable;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Places a gang on the fleet, all nodes or none. */
final class GangPlanner {
  /** Nodes named in one sentence. */
  private static final int MAX_NAMES = 8;

  private GangPlanner() {}

  /** A place, or why there is none. */
  sealed interface Placement {
    record Placed(RankTable table, List<NodeId> spares) implements Placement {}

    record Unplaceable(Reason reason) implements Placement {}
  }

  /**
   * @param kept nodes that others ahead wait for, and who
   */
  static Placement place(ClusterState state, Job job, Instant now, Map<NodeId, JobId> kept) {
    List<Node> free =
        state.nodes().values().stream()
            .filter(Node::isPlaceable)
            .filter(n -> !kept.containsKey(n.id()) && isFreeFor(state, job, n.id(), now))
            .toList();
    int wanted = job.spec().nodes();
    boolean onGpus = runsOnGpus(state, job);
    int procs = procsPerNode(job, free, onGpus);
    List<Node> fit = withoutRefusers(job, fitting(job, free, procs, onGpus));
    if (procs == 0 || fit.size() < wanted || !missingPins(job, fit).isEmpty()) {
      return new Placement.Unplaceable(whyNot(state, job, now, kept));
    }
    RankTable table = table(job, fit, procs, wanted);
    List<NodeId> spares = spares(job, fit, table);
    return new Placement.Placed(table, spares);
  }

  /** Every node that could take one of its ranks, were it free: those, a waiting job needs. */
  static List<NodeId> usable(ClusterState state, Job job) {
    if (!job.spec().pins().isEmpty() && job.table().isEmpty()) {
      return job.spec().pins();
    }
    boolean onGpus = runsOnGpus(state, job);
    List<Node> fleet = state.nodes().values().stream().filter(Node::isLikelyPlaceable).toList();
    return fitting(job, fleet, leastProcs(job), onGpus).stream().map(Node::id).toList();
  }

  /** Who has just refused, in one attempt after another, is asked again only for want of others. */
  private static List<Node> withoutRefusers(Job job, List<Node> fit) {
    Set<NodeId> refusers =
        refusals(job).stream().flatMap(c -> c.node().stream()).collect(Collectors.toSet());
    List<Node> others = fit.stream().filter(n -> !refusers.contains(n.id())).toList();
    return others.size() < job.spec().nodes() ? fit : others;
  }

  /** Of the attempts just before, as long as none of them got past its preparation. */
  static List<AttemptRecord.Cause> refusals(Job job) {
    var found = new ArrayList<AttemptRecord.Cause>();
    for (int i = job.attempts().size() - 1; i >= 0; i--) {
      Optional<AttemptRecord.Cause> cause = job.attempts().get(i).cause();
      // the attempt that is under way has none yet
      if (cause.isPresent() && cause.get().code() != FailureCause.PREPARE_REJECTED) {
        break;
      }
      cause.ifPresent(found::add);
    }
    return found;
  }

  /** Auto takes as few workers as the nodes that are free ask for. */
  private static int leastProcs(Job job) {
    return Math.max(job.procsPerNode(), job.spec().procsPerNode());
  }

  /** Named nodes must be there for the first placement; later others may stand in. */
  private static List<NodeId> missingPins(Job job, List<Node> fit) {
    return job.table().isPresent()
        ? List.of()
        : job.spec().pins().stream().filter(pin -> find(fit, pin).isEmpty()).toList();
  }

  /** The spares of a placed job as they should be now: those that can be, then free nodes. */
  static List<NodeId> spares(ClusterState state, Job job, RankTable table, Instant now) {
    List<Node> free =
        state.nodes().values().stream()
            .filter(n -> n.isPlaceable() || isStillASpare(job, n))
            .filter(n -> isFreeFor(state, job, n.id(), now))
            .toList();
    List<Node> fit = fitting(job, free, table.procsPerNode(), runsOnGpus(state, job));
    return spares(job, fit, table);
  }

  /** It was not heard for a moment, which is no reason to give it up. */
  private static boolean isStillASpare(Job job, Node node) {
    return job.spares().contains(node.id()) && node.isLikelyPlaceable() && node.trouble().isEmpty();
  }

  /** True when the fleet, all jobs aside, could hold the gang: then smaller jobs do not pass it. */
  static boolean couldFitSomeday(ClusterState state, Job job) {
    List<Node> fleet = state.nodes().values().stream().filter(Node::isLikelyPlaceable).toList();
    boolean onGpus = runsOnGpus(state, job);
    int procs = procsPerNode(job, fleet, onGpus);
    List<Node> fit = fitting(job, fleet, procs, onGpus);
    return procs > 0 && fit.size() >= job.spec().nodes() && missingPins(job, fit).isEmpty();
  }

  private static boolean isFreeFor(ClusterState state, Job job, NodeId node, Instant now) {
    return holder(state, job, node, now).isEmpty();
  }

  private static Optional<JobId> holder(ClusterState state, Job job, NodeId node, Instant now) {
    return state.jobs().values().stream()
        .filter(other -> !other.id().equals(job.id()))
        .filter(other -> other.holds(node) || other.reserves(node, now))
        .map(Job::id)
        .findFirst();
  }

  /**
   * A gang is of one kind, and stays of the kind that it first was; it does not fall back to CPUs
   * because the GPUs are taken for now.
   */
  private static boolean runsOnGpus(ClusterState state, Job job) {
    if (job.table().isPresent()) {
      return job.table().get().nodes().stream()
          .flatMap(n -> state.node(n).stream())
          .anyMatch(n -> gpus(n) > 0);
    }
    if (!job.spec().devices().isEmpty()) {
      return true;
    }
    return state.nodes().values().stream()
            .filter(n -> !n.lost() && gpus(n) >= Math.max(1, job.spec().procsPerNode()))
            .count()
        >= job.spec().nodes();
  }

  /** The job's number once it has one: checkpoints fit one world size only. */
  private static int procsPerNode(Job job, List<Node> free, boolean onGpus) {
    if (job.procsPerNode() > 0) {
      return job.procsPerNode();
    }
    if (job.spec().procsPerNode() > 0) {
      return job.spec().procsPerNode();
    }
    if (!job.spec().devices().isEmpty()) {
      return job.spec().devices().size();
    }
    if (!onGpus) {
      return 1;
    }
    int wanted = job.spec().nodes();
    return free.stream()
        .map(GangPlanner::gpus)
        .sorted(Comparator.reverseOrder())
        .skip(wanted - 1L)
        .findFirst()
        .orElse(0);
  }

  private static int gpus(Node node) {
    return node.inventory().gpus().size();
  }

  private static List<Node> fitting(Job job, List<Node> free, int procs, boolean onGpus) {
    int least = onGpus ? gpusNeeded(job, procs) : 0;
    return free.stream().filter(n -> onGpus ? gpus(n) >= least : gpus(n) == 0).toList();
  }

  private static int gpusNeeded(Job job, int procs) {
    int highest = job.spec().devices().stream().mapToInt(i -> i + 1).max().orElse(0);
    return Math.max(Math.max(procs, highest), 1);
  }

  /**
   * Who has which rank: survivors keep theirs; then a node that was named for the rank or asks for
   * it, then spares, then any.
   */
  private static RankTable table(Job job, List<Node> fit, int procs, int wanted) {
    var rows = new ArrayList<@Nullable Node>();
    for (int rank = 0; rank < wanted; rank++) {
      rows.add(before(job, rank).flatMap(id -> find(fit, id)).orElse(null));
    }
    for (int rank = 0; rank < wanted; rank++) {
      if (rows.get(rank) == null) {
        rows.set(rank, called(job, fit, rank, rows));
      }
    }
    var fresh = new ArrayList<Node>();
    fit.stream().filter(n -> job.spares().contains(n.id())).forEach(fresh::add);
    fit.stream().filter(n -> !job.spares().contains(n.id())).forEach(fresh::add);
    fresh.removeIf(rows::contains);
    var next = fresh.iterator();
    var complete = new ArrayList<RankTable.Entry>();
    for (@Nullable Node row : rows) {
      complete.add(entryOf(row != null ? row : next.next()));
    }
    return new RankTable(complete, procs);
  }

  private static Optional<NodeId> before(Job job, int rank) {
    return job.table().map(t -> t.nodes().get(rank));
  }

  /** The node that the job names for this rank, else one that asks for it. */
  private static @Nullable Node called(
      Job job, List<Node> fit, int rank, List<@Nullable Node> taken) {
    Optional<Node> named =
        job.spec().pins().isEmpty() ? Optional.empty() : find(fit, job.spec().pins().get(rank));
    return named
        .or(() -> fit.stream().filter(n -> n.inventory().nodeRankHint() == rank).findFirst())
        .filter(n -> !taken.contains(n))
        .orElse(null);
  }

  private static Optional<Node> find(List<Node> nodes, NodeId id) {
    return nodes.stream().filter(n -> n.id().equals(id)).findFirst();
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

  /** Each node of the fleet, and why the job is not placed on it. */
  static List<NodeVerdict> verdicts(
      ClusterState state, Job job, Instant now, Map<NodeId, JobId> kept) {
    boolean onGpus = runsOnGpus(state, job);
    var all = new ArrayList<NodeVerdict>();
    for (Node node : state.nodes().values()) {
      String why = why(state, job, node, onGpus, now, kept);
      all.add(new NodeVerdict(node.id(), why.isEmpty(), why.isEmpty() ? "free" : why));
    }
    if (job.table().isEmpty()) {
      job.spec().pins().stream()
          .filter(pin -> state.node(pin).isEmpty())
          .forEach(pin -> all.add(new NodeVerdict(pin, false, "named by the job, never heard of")));
    }
    return all;
  }

  private static String why(
      ClusterState state,
      Job job,
      Node node,
      boolean onGpus,
      Instant now,
      Map<NodeId, JobId> kept) {
    List<NodeId> pins = job.table().isPresent() ? List.of() : job.spec().pins();
    Optional<JobId> holder = holder(state, job, node.id(), now);
    if (!pins.isEmpty() && !pins.contains(node.id())) {
      return "not named by the job";
    } else if (node.lost()) {
      return "lost";
    } else if (node.draining()) {
      return "draining";
    } else if (node.quarantinedUntil().isPresent()) {
      return "quarantined";
    } else if (node.trouble().isPresent()) {
      return "troubled (" + node.trouble().get().code() + ")";
    } else if (node.suspect()) {
      return "suspect";
    } else if (holder.isPresent()) {
      return "held by " + holder.get();
    } else if (onGpus && gpus(node) < gpusNeeded(job, leastProcs(job))) {
      return "has only " + gpus(node) + " GPUs";
    } else if (!onGpus && gpus(node) > 0) {
      return "has GPUs";
    }
    return Optional.ofNullable(kept.get(node.id())).map(by -> "kept for " + by).orElse("");
  }

  private static Reason whyNot(ClusterState state, Job job, Instant now, Map<NodeId, JobId> kept) {
    List<NodeVerdict> all = verdicts(state, job, now, kept);
    List<String> others =
        all.stream().filter(v -> !v.free()).map(v -> v.node() + " " + v.why()).toList();
    int fit = all.size() - others.size();
    int procs = leastProcs(job);
    String names =
        others.size() > MAX_NAMES
            ? others.subList(0, MAX_NAMES) + " and " + (others.size() - MAX_NAMES) + " more"
            : others.toString();
    return Reason.of(
        ReasonCode.WAITING_FOR_NODES,
        "needs %d free nodes%s, %d are free%s",
        job.spec().nodes(),
        procs > 1 ? " for " + procs + " workers each" : "",
        fit,
        others.isEmpty() ? "" : " " + names);
  }
}
