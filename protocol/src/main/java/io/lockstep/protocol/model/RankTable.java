package io.lockstep.protocol.model;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;

/**
 * The attempt's ordered nodes, identical on all of them: position is node rank.
 *
 * @param procsPerNode workers on each node
 */
public record RankTable(List<Entry> entries, int procsPerNode) {
  /** One node of the gang and the address at which the others reach it. */
  public record Entry(NodeId node, String address) {}

  public RankTable {
    entries = List.copyOf(entries);
    Checks.require(!entries.isEmpty(), "rank table", entries, "at least one node");
    Checks.require(procsPerNode >= 1, "procsPerNode", procsPerNode, "1 or more");
    var seen = new HashSet<NodeId>();
    for (Entry entry : entries) {
      Checks.require(seen.add(entry.node()), "rank table", entry.node(), "without repeated nodes");
    }
  }

  public int nnodes() {
    return entries.size();
  }

  public int worldSize() {
    return entries.size() * procsPerNode;
  }

  public List<NodeId> nodes() {
    return entries.stream().map(Entry::node).toList();
  }

  public boolean contains(NodeId node) {
    return rankOf(node).isPresent();
  }

  public OptionalInt rankOf(NodeId node) {
    for (int rank = 0; rank < entries.size(); rank++) {
      if (entries.get(rank).node().equals(node)) {
        return OptionalInt.of(rank);
      }
    }
    return OptionalInt.empty();
  }

  public Entry master() {
    return entries.get(0);
  }

  /** The same table with one node in the lost one's rank; everyone else keeps theirs. */
  public RankTable replacing(NodeId lost, Entry spare) {
    int rank =
        rankOf(lost).orElseThrow(() -> new IllegalArgumentException(lost + " is not in " + this));
    var changed = new ArrayList<>(entries);
    changed.set(rank, spare);
    return new RankTable(changed, procsPerNode);
  }

  @Override
  public String toString() {
    return nodes() + "x" + procsPerNode;
  }
}
