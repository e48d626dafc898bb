package io.lockstep.coordinator.core;

import static io.lockstep.coordinator.core.ACluster.A;
import static io.lockstep.coordinator.core.ACluster.B;
import static io.lockstep.coordinator.core.ACluster.nodes;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.ReasonCode;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

/** A gang is made of nodes with GPUs of one kind, where one kind suffices. */
class GpuKindsTest {
  private static final String H = "H100";
  private static final String L = "L40S";

  private static ACluster fleet(String... kinds) {
    ACluster cluster = ACluster.of(0);
    for (int i = 0; i < kinds.length; i++) {
      cluster.joins("g" + (i + 1), 2, kinds[i]);
    }
    return cluster;
  }

  // the first placement

  @Test
  void nodesOfOneKindAreTakenAndTheReasonSaysWhoWasLeftOut() {
    ACluster cluster = fleet(L, H, H, L, H);
    cluster.drains("g4");

    Decision decision = cluster.submits(A, AJob.of(2).procs(2).spares(1));

    assertThat(cluster.gang()).isEqualTo(nodes("g2", "g3"));
    assertThat(cluster.job().spares()).isEqualTo(nodes("g5"));
    assertThat(cluster.job().reason().message())
        .contains("on [g2, g3]", "all with H100", "g1 has L40S")
        .doesNotContain("g4");
    assertThat(decision.events()).isNotEmpty();
  }

  @Test
  void theFirstKindThatSufficesIsTakenUnlessAnotherHasMoreGpus() {
    ACluster fixed = fleet(L, H, L, H);
    fixed.submits(A, AJob.of(2).procs(2));
    assertThat(fixed.gang()).isEqualTo(nodes("g1", "g3"));

    ACluster auto = fleet(L, L).joins("h1", 8, H).joins("h2", 8, H);
    auto.submits(A, AJob.of(2).autoProcs());
    assertThat(auto.gang()).isEqualTo(nodes("h1", "h2"));
    assertThat(auto.job().procsPerNode()).isEqualTo(8);
  }

  @Test
  void aJobWaitsForNodesOfOneKindThatAreBusy() {
    ACluster cluster = fleet(H, L, H, L);
    cluster.submits(A, AJob.of(1).procs(2));
    cluster.drains("g4");

    cluster.submits(B, AJob.of(2).procs(2));

    assertThat(cluster.job(B).phase()).isEqualTo(JobPhase.QUEUED);
    assertThat(cluster.job(B).reason().message())
        .contains(
            "needs 2 free nodes", "1 are free", "g1 held by a", "g2 has L40S, as only 1 of 2");
    assertThat(cluster.state.verdicts(B, cluster.now))
        .extracting(NodeVerdict::why)
        .containsExactly("held by a", "has L40S, as only 1 of 2 needed", "free", "draining");

    cluster.submits(ACluster.C, AJob.of(1).procs(2));
    assertThat(cluster.gang(ACluster.C)).as("of no use to b").isEqualTo(nodes("g2"));
  }

  @Test
  void freeNodesOfTwoKindsAreCountedApart() {
    ACluster cluster = fleet(H, L, H, L);
    cluster.submits(A, AJob.of(1).procs(2));
    cluster.submits(B, AJob.of(1).procs(2));

    cluster.submits(ACluster.C, AJob.of(2).procs(2));

    assertThat(cluster.job(ACluster.C).reason().message())
        .contains("needs 2 free nodes of one kind", "2 are free {H100=1, L40S=1}");
  }

  @Test
  void whereNoKindWillEverDoTheNodesAreAskedAndRefused() {
    ACluster cluster = fleet(H, L);
    cluster.submits(A, AJob.of(2).procs(2));

    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
    assertThat(cluster.gang()).isEqualTo(nodes("g1", "g2"));
  }

  @Test
  void nodesThatTheJobNamesAndANodeAloneAreOfAnyKind() {
    ACluster named = fleet(H, L, H);
    named.submits(A, AJob.of(2).procs(2).pinned("g1", "g2"));
    assertThat(named.gang()).isEqualTo(nodes("g1", "g2"));

    ACluster alone = fleet(H, L, L);
    alone.submits(A, AJob.of(1).procs(2).spares(2));
    assertThat(alone.gang()).isEqualTo(nodes("g1"));
    assertThat(alone.job().spares()).isEqualTo(nodes("g2", "g3"));
  }

  @Test
  void onlyTheGpusThatTheJobUsesCount() {
    ACluster cluster = ACluster.of(0).joins("g1", 2, H).joins("g2", 4, H).joins("g3", 2, L);
    cluster.submits(A, AJob.of(2).devices(0, 1));
    assertThat(cluster.gang()).isEqualTo(nodes("g1", "g2"));
  }

  @Test
  void theHostThatAsksForRankZeroIsNeverLeftOut() {
    ACluster cluster = ACluster.of(0).joins("g1", 2, L, 1).joins("g2", 2, L).joins("g3", 2, H, 0);
    cluster.submits(A, AJob.of(2).procs(2));
    assertThat(cluster.gang()).as("refused, with who differs").isEqualTo(nodes("g3", "g1"));

    cluster = ACluster.of(0).joins("g1", 2, L).joins("g2", 2, L).joins("g3", 2, H, 0);
    cluster.joins("g4", 2, H, 1);
    cluster.submits(A, AJob.of(2).procs(2));
    assertThat(cluster.gang()).isEqualTo(nodes("g3", "g4"));
  }

  // restarts

  @Test
  void aGangStaysOfTheKindOfItsSurvivorsAndWaitsForIt() {
    ACluster cluster = fleet(H, H, L, L);
    cluster.submits(A, AJob.of(2).procs(2).spares(1));
    assertThat(cluster.job().spares()).as("another kind is no spare").isEmpty();
    cluster.runs(A);

    cluster.silent("g1");

    assertThat(cluster.phase()).isEqualTo(JobPhase.QUEUED);
    assertThat(cluster.job().reason().code()).isEqualTo(ReasonCode.WAITING_FOR_NODES);
    assertThat(cluster.job().reason().message())
        .contains("g1 lost", "g3 has L40S, the gang has H100");

    cluster.joins("g5", 2, H);
    assertThat(cluster.gang()).isEqualTo(nodes("g5", "g2"));
  }

  @Test
  void withoutSurvivorsItMovesToAnotherKind() {
    ACluster cluster = fleet(H, H, L, L);
    cluster.submits(A, AJob.of(2).procs(2));
    cluster.runs(A);

    cluster.drains("g1");
    cluster.drains("g2");
    cluster.exits("g1", Exit.killed(0));
    cluster.exits("g2", Exit.killed(0));

    assertThat(cluster.gang()).isEqualTo(nodes("g3", "g4"));
  }

  // whatever the fleet

  /** Kinds are numbers; of a node: kind, GPUs, whether it is drained. */
  @Property(tries = 400)
  void aGangIsOfOneKindAndItsSurvivorsKeepTheirRanks(
      @ForAll @Size(min = 1, max = 9) List<@IntRange(min = 0, max = 11) Integer> fleet,
      @ForAll @IntRange(min = 2, max = 4) int wanted,
      @ForAll @IntRange(min = 0, max = 3) int lost) {
    ACluster cluster = ACluster.of(0);
    for (int i = 0; i < fleet.size(); i++) {
      cluster.joins("g" + i, 1 + fleet.get(i) / 3 % 2, kind(fleet.get(i)));
      if (fleet.get(i) / 6 == 1) {
        cluster.drains("g" + i);
      }
    }
    Map<String, Long> usable =
        IntStream.range(0, fleet.size())
            .filter(i -> fleet.get(i) / 6 == 0)
            .boxed()
            .collect(Collectors.groupingBy(i -> kind(fleet.get(i)), Collectors.counting()));
    boolean suffices = usable.values().stream().anyMatch(n -> n >= wanted);
    long all = usable.values().stream().mapToLong(n -> n).sum();

    cluster.submits(A, AJob.of(wanted).procs(1));

    assertThat(cluster.phase() == JobPhase.PREPARING).isEqualTo(suffices || all >= wanted);
    if (!suffices) {
      return;
    }
    assertThat(kinds(cluster, cluster.gang())).hasSize(1);
    cluster.runs(A);
    List<NodeId> before = cluster.gang();
    NodeId gone = before.get(lost % wanted);
    String kind = kinds(cluster, before).get(0);

    cluster.silent(gone.value());

    assertThat(cluster.phase() == JobPhase.PREPARING)
        .isEqualTo(usable.getOrDefault(kind, 0L) > wanted);
    if (cluster.phase() == JobPhase.PREPARING) {
      List<NodeId> after = cluster.gang();
      assertThat(kinds(cluster, after)).containsExactly(kind);
      for (int rank = 0; rank < wanted; rank++) {
        assertThat(before.get(rank).equals(gone) || after.get(rank).equals(before.get(rank)))
            .as("rank %d of %s, then %s", rank, before, after)
            .isTrue();
      }
    } else {
      assertThat(cluster.state.verdicts(A, cluster.now))
          .filteredOn(v -> !before.contains(v.node()))
          .noneMatch(NodeVerdict::free);
    }
  }

  private static String kind(int number) {
    return "kind-" + number % 3;
  }

  private static List<String> kinds(ACluster cluster, List<NodeId> nodes) {
    return nodes.stream()
        .map(n -> cluster.state.node(n).orElseThrow().inventory().gpus().get(0).name())
        .distinct()
        .toList();
  }
}
