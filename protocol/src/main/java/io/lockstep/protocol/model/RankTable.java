package io.lockstep.protocol.model;

import java.util.AbstractList;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.RandomAccess;

/**
 * The attempt's ordered nodes, identical on all of them: position is node rank.
 *
 * @param procsPerNode workers on each node
 */
public record RankTable(List<Entry> entries, int procsPerNode) {
  /** One node of the gang and the address at which the others reach it. */
  public record Entry(NodeId node, String address) {}

  /** Entries that know each node's rank: seats ask for it at each renewal of a lease. */
  private static final class Ranked extends AbstractList<Entry> implements RandomAccess {
    private final List<Entry> entries;
    private final Map<NodeId, Integer> ranks = new HashMap<>();

    private Ranked(List<Entry> entries) {
      this.entries = List.copyOf(entries);
      for (Entry entry : this.entries) {
        Checks.require(
            ranks.putIfAbsent(entry.node(), ranks.size()) == null,
            "rank table",
            entry.node(),
            "without repeated nodes");
      }
    }

    static Ranked of(List<Entry> entries) {
      return entries instanceof Ranked ranked ? ranked : new Ranked(entries);
    }

    @Override
    public Entry get(int rank) {
      return entries.get(rank);
    }

    @Override
    public int size() {
      return entries.size();
    }
  }

  public RankTable {
    entries = Ranked.of(entries);
    Checks.require(!entries.isEmpty(), "rank table", entries, "at least one node");
    Checks.require(procsPerNode >= 1, "procsPerNode", procsPerNode, "1 or more");
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
    Integer rank = Ranked.of(entries).ranks.get(node);
    return rank == null ? OptionalInt.empty() : OptionalInt.of(rank);
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
