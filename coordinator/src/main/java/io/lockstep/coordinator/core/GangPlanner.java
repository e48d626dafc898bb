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
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Places a gang on the fleet, all nodes or none. */
final class GangPlanner {
  /** Nodes named in one sentence. */
  private static final int MAX_NAMES = 8;

  private GangPlanner() {}

  /** A place, or why there is none. */
  sealed interface Placement {
    /**
     * Who has which rank.
     *
     * @param leftOut what of the free nodes was not taken for its kind; empty where nothing was
     */
    record Placed(RankTable table, List<NodeId> spares, String leftOut) implements Placement {}

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
    var kinds = new GpuKinds(job, onGpus);
    Optional<List<Node>> ofOneKind = alike(job, free, kinds, onGpus);
    // where no kind will ever do, the nodes say themselves how they differ
    List<Node> alike =
        ofOneKind.orElseGet(() -> isThereAKind(state, job, kinds, onGpus) ? List.of() : free);
    int procs = procsPerNode(job, alike, onGpus);
    List<Node> fit = withoutRefusers(job, fitting(job, alike, procs, onGpus));
    if (procs == 0 || fit.size() < wanted || !missingPins(job, fit).isEmpty()) {
      return new Placement.Unplaceable(whyNot(state, job, now, kept));
    }
    RankTable table = table(job, fit, procs, wanted);
    List<NodeId> spares = spares(job, fit, table);
    String leftOut =
        ofOneKind.map(a -> leftOut(kinds, a, fitting(job, free, procs, onGpus))).orElse("");
    return new Placement.Placed(table, spares, leftOut);
  }

  // one kind

  /**
   * The nodes of one kind that the gang can be made of: that of the survivors, who keep their
   * ranks; else one of which there are enough: rather one without nodes that have just refused,
   * then with more nodes that ask for a rank, then with more GPUs, then the first. All of them
   * where kinds do not matter; empty where no kind has enough.
   */
  private static Optional<List<Node>> alike(
      Job job, List<Node> nodes, GpuKinds kinds, boolean onGpus) {
    if (!kinds.matter()) {
      return Optional.of(nodes);
    }
    Map<String, List<Node>> groups = kinds.groups(nodes);
    Optional<String> survivors = kinds.ofSurvivors(nodes);
    if (survivors.isPresent()) {
      return survivors.map(kind -> groups.getOrDefault(kind, List.of()));
    }
    boolean isRank0Asked = asksForRank0(nodes);
    return groups.values().stream()
        .filter(group -> !isRank0Asked || asksForRank0(group))
        .filter(group -> suffices(job, group, onGpus))
        .min(
            Comparator.comparing(
                    (List<Node> group) -> !suffices(job, unrefused(job, group), onGpus))
                .thenComparing(group -> -asking(job, group))
                .thenComparing(group -> -procsPerNode(job, group, onGpus)));
  }

  private static boolean suffices(Job job, List<Node> group, boolean onGpus) {
    int procs = procsPerNode(job, group, onGpus);
    return procs > 0 && fitting(job, group, procs, onGpus).size() >= job.spec().nodes();
  }

  /** Of {@code lockstep run}, whose rank 0 is the host that keeps the job. */
  private static boolean asksForRank0(List<Node> nodes) {
    return nodes.stream().anyMatch(n -> n.inventory().nodeRankHint() == 0);
  }

  private static long asking(Job job, List<Node> group) {
    return group.stream()
        .map(n -> n.inventory().nodeRankHint())
        .filter(rank -> rank >= 0 && rank < job.spec().nodes())
        .distinct()
        .count();
  }

  /** Enough nodes of one kind are there, all jobs aside: it is worth waiting for them. */
  private static boolean isThereAKind(ClusterState state, Job job, GpuKinds kinds, boolean onGpus) {
    return alike(job, fleet(state), kinds, onGpus).isPresent();
  }

  private static List<Node> fleet(ClusterState state) {
    return state.nodes().values().stream().filter(Node::isLikelyPlaceable).toList();
  }

  private static String leftOut(GpuKinds kinds, List<Node> alike, List<Node> others) {
    if (!kinds.matter()) {
      return "";
    }
    String kind = kinds.of(alike.get(0));
    List<String> names =
        others.stream()
            .filter(n -> !kinds.of(n).equals(kind))
            .map(n -> n.id() + " has " + kinds.of(n))
            .toList();
    return names.isEmpty() ? "" : kind + "; left out: " + some(names);
  }

  /** By node, why it is not of the gang's kind; nothing about those that may be. */
  private static Map<NodeId, String> ofOtherKinds(ClusterState state, Job job, boolean onGpus) {
    var kinds = new GpuKinds(job, onGpus);
    if (!kinds.matter()) {
      return Map.of();
    }
    List<Node> fleet = fleet(state);
    Map<String, List<Node>> groups = kinds.groups(fleet);
    Optional<String> survivors = kinds.ofSurvivors(fleet);
    boolean isThereAKind = isThereAKind(state, job, kinds, onGpus);
    var others = new HashMap<NodeId, String>();
    groups.forEach(
        (kind, group) -> {
          int fit = fitting(job, group, leastProcs(job), onGpus).size();
          String why =
              survivors.isPresent()
                  ? "has " + kind + ", the gang has " + survivors.get()
                  : "has " + kind + ", as only " + fit + " of " + job.spec().nodes() + " needed";
          boolean isOther =
              survivors.isPresent()
                  ? !kind.equals(survivors.get())
                  : isThereAKind && !suffices(job, group, onGpus);
          if (isOther) {
            group.forEach(n -> others.put(n.id(), why));
          }
        });
    return others;
  }

  /** Every node that could take one of its ranks, were it free: those, a waiting job needs. */
  static List<NodeId> usable(ClusterState state, Job job) {
    if (!job.spec().pins().isEmpty() && job.table().isEmpty()) {
      return job.spec().pins();
    }
    boolean onGpus = runsOnGpus(state, job);
    Set<NodeId> others = ofOtherKinds(state, job, onGpus).keySet();
    return fitting(job, fleet(state), leastProcs(job), onGpus).stream()
        .map(Node::id)
        .filter(node -> !others.contains(node))
        .toList();
  }

  /** Who has just refused, in one attempt after another, is asked again only for want of others. */
  private static List<Node> withoutRefusers(Job job, List<Node> fit) {
    List<Node> others = unrefused(job, fit);
    return others.size() < job.spec().nodes() ? fit : others;
  }

  private static List<Node> unrefused(Job job, List<Node> nodes) {
    Set<NodeId> refusers =
        refusals(job).stream().flatMap(c -> c.node().stream()).collect(Collectors.toSet());
    return nodes.stream().filter(n -> !refusers.contains(n.id())).toList();
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
    Set<NodeId> there = byId(fit).keySet();
    return job.table().isPresent()
        ? List.of()
        : job.spec().pins().stream().filter(pin -> !there.contains(pin)).toList();
  }

  /** The spares of a placed job as they should be now: those that can be, then free nodes. */
  static List<NodeId> spares(ClusterState state, Job job, RankTable table, Instant now) {
    List<Node> free =
        state.nodes().values().stream()
            .filter(n -> n.isPlaceable() || isStillASpare(job, n))
            .filter(n -> isFreeFor(state, job, n.id(), now))
            .toList();
    boolean onGpus = runsOnGpus(state, job);
    var kinds = new GpuKinds(job, onGpus);
    Optional<String> kind =
        Optional.of(table.master().node())
            .filter(n -> kinds.matter())
            .flatMap(state::node)
            .map(kinds::of);
    List<Node> fit =
        fitting(job, free, table.procsPerNode(), onGpus).stream()
            .filter(n -> kind.isEmpty() || kind.get().equals(kinds.of(n)))
            .toList();
    return spares(job, fit, table);
  }

  /** It was not heard for a moment, which is no reason to give it up. */
  private static boolean isStillASpare(Job job, Node node) {
    return job.spares().contains(node.id()) && node.isLikelyPlaceable() && node.trouble().isEmpty();
  }

  /** True when the fleet, all jobs aside, could hold the gang: then smaller jobs do not pass it. */
  static boolean couldFitSomeday(ClusterState state, Job job) {
    boolean onGpus = runsOnGpus(state, job);
    List<Node> all = fleet(state);
    List<Node> fleet = alike(job, all, new GpuKinds(job, onGpus), onGpus).orElse(all);
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
    Map<NodeId, Node> byId = byId(fit);
    List<NodeId> before = job.table().map(RankTable::nodes).orElse(List.of());
    var rows = new ArrayList<@Nullable Node>();
    for (int rank = 0; rank < wanted; rank++) {
      rows.add(before.isEmpty() ? null : byId.get(before.get(rank)));
    }
    Set<NodeId> taken =
        rows.stream().filter(Objects::nonNull).map(Node::id).collect(Collectors.toSet());
    Map<Integer, Node> asking = new HashMap<>();
    fit.forEach(node -> asking.putIfAbsent(node.inventory().nodeRankHint(), node));
    for (int rank = 0; rank < wanted; rank++) {
      if (rows.get(rank) == null) {
        @Nullable Node named =
            job.spec().pins().isEmpty() ? null : byId.get(job.spec().pins().get(rank));
        @Nullable Node called = named != null ? named : asking.get(rank);
        if (called != null && taken.add(called.id())) {
          rows.set(rank, called);
        }
      }
    }
    var fresh = new ArrayList<Node>();
    fit.stream().filter(n -> job.spares().contains(n.id())).forEach(fresh::add);
    fit.stream().filter(n -> !job.spares().contains(n.id())).forEach(fresh::add);
    fresh.removeIf(node -> taken.contains(node.id()));
    var next = fresh.iterator();
    var complete = new ArrayList<RankTable.Entry>();
    for (@Nullable Node row : rows) {
      complete.add(entryOf(row != null ? row : next.next()));
    }
    return new RankTable(complete, procs);
  }

  private static Map<NodeId, Node> byId(List<Node> nodes) {
    return nodes.stream().collect(Collectors.toMap(Node::id, node -> node));
  }

  private static RankTable.Entry entryOf(Node node) {
    return new RankTable.Entry(node.id(), node.inventory().address());
  }

  private static List<NodeId> spares(Job job, List<Node> fit, RankTable table) {
    Set<NodeId> gang = Set.copyOf(table.nodes());
    return fit.stream()
        .map(Node::id)
        .filter(n -> !gang.contains(n))
        .sorted(Comparator.comparing((NodeId n) -> !job.spares().contains(n)))
        .limit(job.spec().spares())
        .toList();
  }

  /** Each node of the fleet, and why the job is not placed on it. */
  static List<NodeVerdict> verdicts(
      ClusterState state, Job job, Instant now, Map<NodeId, JobId> kept) {
    boolean onGpus = runsOnGpus(state, job);
    Map<NodeId, String> others = ofOtherKinds(state, job, onGpus);
    var all = new ArrayList<NodeVerdict>();
    for (Node node : state.nodes().values()) {
      String why = why(state, job, node, onGpus, now, kept, others);
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
      Map<NodeId, JobId> kept,
      Map<NodeId, String> otherKinds) {
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
    } else if (otherKinds.containsKey(node.id())) {
      return otherKinds.get(node.id());
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
    Map<String, Long> kinds = freeByKind(state, job, all);
    return Reason.of(
        ReasonCode.WAITING_FOR_NODES,
        "needs %d free nodes%s%s, %d are free%s%s",
        job.spec().nodes(),
        kinds.size() > 1 ? " of one kind" : "",
        procs > 1 ? " for " + procs + " workers each" : "",
        fit,
        kinds.size() > 1 ? " " + kinds : "",
        others.isEmpty() ? "" : " " + some(others));
  }

  private static Map<String, Long> freeByKind(
      ClusterState state, Job job, List<NodeVerdict> verdicts) {
    var kinds = new GpuKinds(job, runsOnGpus(state, job));
    return !kinds.matter()
        ? Map.of()
        : verdicts.stream()
            .filter(NodeVerdict::free)
            .flatMap(v -> state.node(v.node()).stream())
            .collect(Collectors.groupingBy(kinds::of, TreeMap::new, Collectors.counting()));
  }

  private static String some(List<String> names) {
    return names.size() > MAX_NAMES
        ? names.subList(0, MAX_NAMES) + " and " + (names.size() - MAX_NAMES) + " more"
        : names.toString();
  }
}
