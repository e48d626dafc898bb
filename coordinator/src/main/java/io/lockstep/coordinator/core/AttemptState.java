package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.RankTable;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The attempt under way.
 *
 * @param since when its present phase began
 * @param masterPort chosen on the node of rank 0; empty until released
 * @param released Start may have gone out
 * @param finished nodes whose group exited 0
 * @param conversion ordered before the release; empty for none
 * @param faltered it has lost a worker, and whose fault that was is not known yet
 * @param suspicion it seems to hang
 * @param slowRanks ranks that were named as stragglers; empty in what an older release stored
 */
public record AttemptState(
    Fence fence,
    RankTable table,
    Instant plannedAt,
    Instant since,
    Map<NodeId, PreparedNode> prepared,
    boolean released,
    Optional<Integer> masterPort,
    Optional<CompleteCheckpoint> resume,
    boolean moveAside,
    Set<NodeId> started,
    Set<NodeId> finished,
    Optional<Faltered> faltered,
    Optional<Conversion> conversion,
    Optional<Suspicion> suspicion,
    Optional<Set<Integer>> slowRanks) {

  public AttemptState {
    prepared = FrozenSorted.of(prepared);
    started = FrozenSet.of(started);
    finished = FrozenSet.of(finished);
    slowRanks = slowRanks.map(FrozenSet::of);
  }

  static AttemptState planned(Fence fence, RankTable table, Instant at) {
    return new AttemptState(
        fence,
        table,
        at,
        at,
        Map.of(),
        false,
        Optional.empty(),
        Optional.empty(),
        false,
        Set.of(),
        Set.of(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  /** Ranks that were named as stragglers. */
  Set<Integer> slow() {
    return slowRanks.orElse(Set.of());
  }

  AttemptState withPrepared(NodeId node, PreparedNode said) {
    return with(since, FrozenSorted.of(prepared).plus(node, said), started, finished, faltered);
  }

  AttemptState withRelease(int port, Optional<CompleteCheckpoint> from, boolean aside, Instant at) {
    return new AttemptState(
        fence,
        table,
        plannedAt,
        at,
        agreed(),
        true,
        Optional.of(port),
        from,
        aside,
        started,
        finished,
        faltered,
        Optional.empty(),
        suspicion,
        slowRanks);
  }

  AttemptState withConversion(Conversion ordered) {
    return new AttemptState(
        fence,
        table,
        plannedAt,
        since,
        prepared,
        released,
        masterPort,
        resume,
        moveAside,
        started,
        finished,
        faltered,
        Optional.of(ordered),
        suspicion,
        slowRanks);
  }

  /** What was agreed on is not looked at again: in a large gang it is most of the state. */
  private Map<NodeId, PreparedNode> agreed() {
    var kept = new TreeMap<NodeId, PreparedNode>();
    prepared.forEach((node, said) -> kept.put(node, said.withoutCheckpoints()));
    return kept;
  }

  AttemptState withStarted(NodeId node) {
    return with(since, prepared, FrozenSet.of(started).plus(node), finished, faltered);
  }

  AttemptState withFinished(NodeId node) {
    return with(since, prepared, started, FrozenSet.of(finished).plus(node), faltered);
  }

  AttemptState withSince(Instant at) {
    return with(at, prepared, started, finished, faltered);
  }

  AttemptState withFaltered(Faltered how) {
    return with(since, prepared, started, finished, Optional.of(how));
  }

  AttemptState withSuspicion(Optional<Suspicion> changed) {
    return new AttemptState(
        fence,
        table,
        plannedAt,
        since,
        prepared,
        released,
        masterPort,
        resume,
        moveAside,
        started,
        finished,
        faltered,
        conversion,
        changed,
        slowRanks);
  }

  AttemptState withSlow(int rank) {
    Set<Integer> more = FrozenSet.of(slow()).plus(rank);
    return new AttemptState(
        fence,
        table,
        plannedAt,
        since,
        prepared,
        released,
        masterPort,
        resume,
        moveAside,
        started,
        finished,
        faltered,
        conversion,
        suspicion,
        Optional.of(more));
  }

  /** What was planned and released stays as it is. */
  private AttemptState with(
      Instant since,
      Map<NodeId, PreparedNode> prepared,
      Set<NodeId> started,
      Set<NodeId> finished,
      Optional<Faltered> faltered) {
    return new AttemptState(
        fence,
        table,
        plannedAt,
        since,
        prepared,
        released,
        masterPort,
        resume,
        moveAside,
        started,
        finished,
        faltered,
        conversion,
        suspicion,
        slowRanks);
  }

  /** Of the unreported, those that gave no sign of life since the attempt falters. */
  List<NodeId> unheard() {
    return table.nodes().stream().filter(this::isUnheard).toList();
  }

  /** True while the attempt falters and this node is one of the unheard. */
  boolean awaits(NodeId node) {
    return faltered.isPresent() && isUnheard(node);
  }

  /** Nodes of the gang but this one whose group has not said how it ended. */
  Stream<NodeId> unreportedBut(NodeId node) {
    return table.entries().stream()
        .map(RankTable.Entry::node)
        .filter(n -> !n.equals(node) && isUnreported(n));
  }

  /** True of a node of the gang whose group has not said how it ended. */
  boolean isUnreported(NodeId node) {
    return table.contains(node)
        && !finished.contains(node)
        && faltered.filter(f -> f.exited().contains(node)).isEmpty();
  }

  private boolean isUnheard(NodeId node) {
    return isUnreported(node) && faltered.filter(f -> f.heard().contains(node)).isEmpty();
  }
}
