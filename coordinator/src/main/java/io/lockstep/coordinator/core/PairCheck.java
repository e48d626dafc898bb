package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.PairOutcome;
import io.lockstep.protocol.model.PairOutcome.End;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Says which nodes meet next, so that a bad node or link can be told from a good one; pure.
 *
 * <p>Round 1 pairs neighbours. Then each node that is not shown to be well meets one that is, as
 * DLRover's network check does: one that fails with a node that is well with others is bad. That
 * takes two rounds where there are enough good nodes, and more where there are not.
 *
 * @param nodes all of one kind: with GPUs, or without
 * @param met groups so far
 */
public record PairCheck(List<NodeId> nodes, List<PairGroup> met) {
  /** Three nodes of which one is bad need so many. */
  public static final int MAX_ROUNDS = 4;

  public PairCheck {
    nodes = List.copyOf(nodes);
    met = List.copyOf(met);
  }

  /** None has met yet. */
  public static PairCheck of(List<NodeId> nodes) {
    return new PairCheck(nodes, List.of());
  }

  public PairCheck with(Collection<PairGroup> more) {
    var all = new ArrayList<>(met);
    all.addAll(more);
    return new PairCheck(nodes, all);
  }

  /** Groups that meet next, at the same time; none when all is told that can be. */
  public List<List<NodeId>> next() {
    if (round() == 0) {
      return neighbours();
    }
    return round() < MAX_ROUNDS ? retries() : List.of();
  }

  /** The last one; 0 before the first. */
  public int round() {
    return met.stream().mapToInt(PairGroup::round).max().orElse(0);
  }

  private List<List<NodeId>> neighbours() {
    var groups = new ArrayList<List<NodeId>>();
    for (int i = 0; i + 1 < nodes.size(); i += 2) {
      boolean threeAreLeft = nodes.size() - i == 3;
      groups.add(nodes.subList(i, threeAreLeft ? i + 3 : i + 2));
      if (threeAreLeft) {
        break;
      }
    }
    return groups;
  }

  private List<List<NodeId>> retries() {
    Set<NodeId> proven = proven();
    var speeds = PairSpeeds.of(met);
    var asked =
        new ArrayList<>(
            nodes.stream().filter(n -> isOpen(n, proven) || isOpenSlow(n, speeds)).toList());
    var partners = new ArrayList<>(proven);
    partners.removeAll(asked);
    boolean noneIsProven = partners.isEmpty();
    var groups = new ArrayList<List<NodeId>>();
    while (!asked.isEmpty()) {
      NodeId node = asked.remove(0);
      List<NodeId> among = noneIsProven ? asked : partners;
      Optional<NodeId> partner = partner(node, among);
      partner.ifPresent(
          p -> {
            among.remove(p);
            groups.add(List.of(node, p));
          });
    }
    return groups;
  }

  /** Rather one that it has not even met among three. */
  private Optional<NodeId> partner(NodeId node, List<NodeId> among) {
    List<PairGroup> tried =
        groupsOf(node).stream().filter(g -> g.result() != PairGroup.Result.SKIPPED).toList();
    return among.stream()
        .filter(n -> tried.stream().noneMatch(g -> g.has(n)))
        .findFirst()
        .or(
            () ->
                among.stream()
                    .filter(n -> tried.stream().noneMatch(g -> g.has(n) && g.isPair()))
                    .findFirst());
  }

  /** Neither shown to be well nor to be bad. */
  private boolean isOpen(NodeId node, Set<NodeId> proven) {
    return !proven.contains(node) && !brokeAlone(node) && !isBad(node, proven);
  }

  /** Slow in the one group in which it was: the other one may be the slow one. */
  private boolean isOpenSlow(NodeId node, PairSpeeds speeds) {
    List<PairGroup> passed = groupsOf(node).stream().filter(PairGroup::passed).toList();
    return passed.size() == 1 && speeds.isSlow(passed.get(0));
  }

  /** Those that were in a group that passed. */
  Set<NodeId> proven() {
    var proven = new LinkedHashSet<NodeId>();
    met.stream().filter(PairGroup::passed).forEach(g -> proven.addAll(g.nodes()));
    return proven;
  }

  boolean brokeAlone(NodeId node) {
    return said(node, End.FAILED_ALONE).isPresent();
  }

  /** Why it did so; empty where it did not. */
  Optional<PairOutcome> said(NodeId node, End end) {
    return groupsOf(node).stream()
        .flatMap(g -> Optional.ofNullable(g.said().get(node)).stream())
        .filter(o -> o.end() == end)
        .findFirst();
  }

  /** It failed twice, and at least once with none but nodes that are well with others. */
  private boolean isBad(NodeId node, Set<NodeId> proven) {
    return failures(node).size() >= 2
        && failures(node).stream().anyMatch(g -> g.othersAreIn(node, proven));
  }

  List<PairGroup> failures(NodeId node) {
    return groupsOf(node).stream().filter(PairGroup::failed).toList();
  }

  List<PairGroup> groupsOf(NodeId node) {
    return met.stream().filter(g -> g.has(node)).toList();
  }
}
