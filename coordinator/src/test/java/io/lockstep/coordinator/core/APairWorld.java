package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.Finding.Severity;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.PairOutcome;
import io.lockstep.protocol.model.PairOutcome.End;
import io.lockstep.protocol.model.PairReading;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Nodes n0, n1, … with faults, in which a pair check is run to its end. */
final class APairWorld {
  private final int size;
  private final Set<String> bad = new HashSet<>();
  private final Set<String> broken = new HashSet<>();
  private final Set<String> withoutTorch = new HashSet<>();
  private final Set<String> busy = new HashSet<>();
  private final Set<Set<String>> badLinks = new HashSet<>();
  private final Set<Set<String>> slowLinks = new HashSet<>();
  private final Set<String> slowNetwork = new HashSet<>();
  private final Map<String, Double> matmul = new HashMap<>();

  private APairWorld(int size) {
    this.size = size;
  }

  static APairWorld of(int size) {
    return new APairWorld(size);
  }

  /** Nothing gets through to or from it. */
  APairWorld bad(int... nodes) {
    IntStream.of(nodes).forEach(n -> bad.add(name(n)));
    return this;
  }

  /** Its program fails before it meets anybody. */
  APairWorld broken(int node) {
    broken.add(name(node));
    return this;
  }

  /** Its interpreter cannot import torch. */
  APairWorld withoutTorch(int node) {
    withoutTorch.add(name(node));
    return broken(node);
  }

  /** It is not tried. */
  APairWorld busy(int node) {
    busy.add(name(node));
    return this;
  }

  APairWorld badLink(int a, int b) {
    badLinks.add(Set.of(name(a), name(b)));
    return this;
  }

  APairWorld slowLink(int a, int b) {
    slowLinks.add(Set.of(name(a), name(b)));
    return this;
  }

  APairWorld slowNetwork(int node) {
    slowNetwork.add(name(node));
    return this;
  }

  APairWorld multiplies(int node, double timesAsLong) {
    matmul.put(name(node), timesAsLong);
    return this;
  }

  PairCheck check() {
    return check(IntStream.range(0, size).mapToObj(i -> new NodeId(name(i))).toList());
  }

  /** Of these alone. */
  PairCheck check(List<NodeId> nodes) {
    PairCheck check = PairCheck.of(nodes);
    for (List<List<NodeId>> next = check.next(); !next.isEmpty(); next = check.next()) {
      int round = check.round() + 1;
      check = check.with(next.stream().map(group -> meet(round, group)).toList());
    }
    return check;
  }

  /** Names of the nodes where this check found this. */
  Set<String> found(ReasonCode code, Severity severity) {
    return findings().entrySet().stream()
        .filter(
            e -> e.getValue().stream().anyMatch(f -> f.code() == code && f.severity() == severity))
        .map(Map.Entry::getKey)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  Map<String, List<Finding>> findings() {
    var found = new LinkedHashMap<String, List<Finding>>();
    PairVerdict.of(check()).forEach((node, findings) -> found.put(node.value(), findings));
    return found;
  }

  /** What is said of this node's meeting others. */
  String sentence(int node) {
    return findings().getOrDefault(name(node), List.of()).stream()
        .filter(f -> f.code() == ReasonCode.PAIR_FAILED)
        .map(Finding::sentence)
        .collect(Collectors.joining("\n"));
  }

  private PairGroup meet(int round, List<NodeId> group) {
    List<String> names = group.stream().map(NodeId::value).toList();
    boolean gathers =
        names.stream().noneMatch(n -> bad.contains(n) || broken.contains(n) || busy.contains(n))
            && badLinks.stream().noneMatch(names::containsAll);
    boolean slow =
        slowLinks.stream().anyMatch(names::containsAll)
            || names.stream().anyMatch(slowNetwork::contains);
    var said = new LinkedHashMap<NodeId, PairOutcome>();
    group.forEach(node -> said.put(node, outcome(node.value(), gathers, slow, group.size())));
    return new PairGroup(round, said);
  }

  private PairOutcome outcome(String node, boolean gathers, boolean slow, int nodes) {
    if (busy.contains(node)) {
      return PairOutcome.failed(End.NOT_RUN, "a job came");
    }
    if (withoutTorch.contains(node)) {
      return PairOutcome.withoutTorch("no torch");
    }
    if (broken.contains(node)) {
      return PairOutcome.failed(End.FAILED_ALONE, "no GPU");
    }
    if (!gathers) {
      return PairOutcome.failed(End.FAILED_TOGETHER, "connection closed");
    }
    return PairOutcome.measured(
        new PairReading(
            "cpu",
            Duration.ofNanos((long) (10e6 * matmul.getOrDefault(node, 1.0))),
            Duration.ofMillis((nodes - 1) * (slow ? 50L : 10L)),
            1_000_000));
  }

  static String name(int node) {
    return "n" + node;
  }
}
