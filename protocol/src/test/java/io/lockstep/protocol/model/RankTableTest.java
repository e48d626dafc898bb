package io.lockstep.protocol.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.protocol.model.RankTable.Entry;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** Position is node rank, and only the lost node's rank changes hands. */
final class RankTableTest {
  private static Entry entry(int n) {
    return new Entry(new NodeId("gpu-" + n), "10.0.0." + n);
  }

  private static RankTable table(int nodes, int procs) {
    return new RankTable(IntStream.range(0, nodes).mapToObj(RankTableTest::entry).toList(), procs);
  }

  @Provide
  Arbitrary<RankTable> tables() {
    return Combinators.combine(
            Arbitraries.integers().between(1, 8), Arbitraries.integers().between(1, 8))
        .as(RankTableTest::table);
  }

  @Property
  void theWorldHasEveryProcessOfEveryNode(@ForAll("tables") RankTable table) {
    assertThat(table.nnodes()).isEqualTo(table.entries().size());
    assertThat(table.worldSize()).isEqualTo(table.nnodes() * table.procsPerNode());
  }

  @Property
  void theRankOfANodeIsItsPosition(@ForAll("tables") RankTable table) {
    for (int rank = 0; rank < table.nnodes(); rank++) {
      NodeId node = table.nodes().get(rank);
      assertThat(table.rankOf(node)).hasValue(rank);
      assertThat(table.contains(node)).isTrue();
    }
    assertThat(table.master()).isEqualTo(table.entries().get(0));
  }

  @Property
  void aSpareTakesTheLostRankAndEveryoneElseKeepsTheirs(
      @ForAll("tables") RankTable table, @ForAll int any) {
    int lostRank = Math.floorMod(any, table.nnodes());
    NodeId lost = table.nodes().get(lostRank);

    RankTable changed = table.replacing(lost, entry(99));

    assertThat(changed.rankOf(new NodeId("gpu-99"))).hasValue(lostRank);
    assertThat(changed.contains(lost)).isFalse();
    assertThat(changed.worldSize()).isEqualTo(table.worldSize());
    for (NodeId survivor : table.nodes()) {
      if (!survivor.equals(lost)) {
        assertThat(changed.rankOf(survivor)).isEqualTo(table.rankOf(survivor));
      }
    }
  }

  @Example
  void aNodeThatIsNotInTheTableHasNoRankAndCannotBeReplaced() {
    RankTable table = table(2, 4);
    var stranger = new NodeId("stranger");

    assertThat(table.rankOf(stranger)).isEmpty();
    assertThat(table.contains(stranger)).isFalse();
    assertThatThrownBy(() -> table.replacing(stranger, entry(9)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("stranger is not in [gpu-0, gpu-1]x4");
  }

  @Example
  void aMemberIsNoSpare() {
    assertThatThrownBy(() -> table(3, 1).replacing(new NodeId("gpu-0"), entry(2)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("without repeated nodes");
  }

  @Example
  void aLostNodeMayComeBackUnderAnotherAddress() {
    var moved = new Entry(new NodeId("gpu-1"), "10.0.9.1");

    assertThat(table(2, 1).replacing(new NodeId("gpu-1"), moved).entries())
        .containsExactly(entry(0), moved);
  }

  @Example
  void aTableNeedsNodesAndProcessesAndNoNodeTwice() {
    assertThatThrownBy(() -> new RankTable(List.of(), 1))
        .hasMessage("rank table must be at least one node, found: []");
    assertThatThrownBy(() -> table(1, 0)).hasMessage("procsPerNode must be 1 or more, found: 0");
    assertThatThrownBy(() -> new RankTable(List.of(entry(1), entry(2), entry(1)), 1))
        .hasMessage("rank table must be without repeated nodes, found: gpu-1");
  }

  @Example
  void aTableKeepsItsNodesWhateverBecomesOfTheList() {
    var entries = new ArrayList<>(List.of(entry(0)));
    var table = new RankTable(entries, 1);

    entries.add(entry(1));

    assertThat(table.nnodes()).isEqualTo(1);
  }
}
