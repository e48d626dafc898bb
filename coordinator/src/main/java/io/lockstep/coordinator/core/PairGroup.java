package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.PairOutcome;
import io.lockstep.protocol.model.PairOutcome.End;
import io.lockstep.protocol.model.PairReading;
import java.time.Duration;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Nodes that met in a pair check, and what each said of it.
 *
 * @param round in which they met, from 1
 */
public record PairGroup(int round, Map<NodeId, PairOutcome> said) {
  public PairGroup {
    said = Collections.unmodifiableMap(new LinkedHashMap<>(said));
  }

  /** What it shows. */
  public enum Result {
    /** All of them are well together. */
    PASSED,
    /** One of them is not well, or what lies between them. */
    FAILED,
    /** Nothing of those that did not fail by themselves. */
    SKIPPED
  }

  public Result result() {
    if (said.values().stream().allMatch(o -> o.end() == End.MEASURED)) {
      return Result.PASSED;
    }
    boolean isTold =
        said.values().stream().anyMatch(o -> o.end() == End.FAILED_ALONE || o.end() == End.NOT_RUN);
    return isTold ? Result.SKIPPED : Result.FAILED;
  }

  boolean passed() {
    return result() == Result.PASSED;
  }

  boolean failed() {
    return result() == Result.FAILED;
  }

  public List<NodeId> nodes() {
    return List.copyOf(said.keySet());
  }

  boolean isPair() {
    return said.size() == 2;
  }

  boolean has(NodeId node) {
    return said.containsKey(node);
  }

  /** Those beside this node. */
  List<NodeId> others(NodeId node) {
    return said.keySet().stream().filter(n -> !n.equals(node)).toList();
  }

  boolean othersAreIn(NodeId node, Collection<NodeId> these) {
    return these.containsAll(others(node));
  }

  Optional<PairReading> reading(NodeId node) {
    return Optional.ofNullable(said.get(node)).flatMap(PairOutcome::reading);
  }

  /** Of one all-gather, as the slowest saw it; empty unless all measured it. */
  public Optional<Duration> gather() {
    return passed()
        ? said.values().stream()
            .flatMap(o -> o.reading().stream())
            .map(PairReading::gather)
            .max(Duration::compareTo)
        : Optional.empty();
  }

  /** That came to each node; a group of three moves more in one all-gather than a pair. */
  public Optional<Double> bytesPerSecond() {
    return gather()
        .flatMap(
            time ->
                said.values().stream()
                    .flatMap(o -> o.reading().stream())
                    .findFirst()
                    .map(r -> r.bytes() * (said.size() - 1) / (time.toNanos() / 1e9)));
  }

  /** What each says that did not measure. */
  public String problem() {
    return said.entrySet().stream()
        .filter(e -> e.getValue().end() != End.MEASURED)
        .map(e -> e.getKey() + ": " + e.getValue().problem())
        .collect(Collectors.joining("; "));
  }
}
