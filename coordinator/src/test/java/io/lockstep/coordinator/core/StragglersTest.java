package io.lockstep.coordinator.core;

import static io.lockstep.coordinator.core.ACluster.A;
import static io.lockstep.coordinator.core.ACluster.aRunningJob;
import static io.lockstep.coordinator.core.ACluster.events;
import static io.lockstep.coordinator.core.ACluster.nodes;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.GroupActivity;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.RankActivity;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class StragglersTest {
  private static List<String> named(GangActivity seen) {
    return Stragglers.of(seen).stream().map(Straggler::toString).toList();
  }

  private static GangActivity steps(long... millis) {
    var ranks = new ArrayList<RankActivity>();
    for (int i = 0; i < millis.length; i++) {
      ranks.add(new RankActivity(i, 100, 0, 0, "R", millis[i], 0));
    }
    return one(ranks);
  }

  private static GangActivity busy(int... permille) {
    var ranks = new ArrayList<RankActivity>();
    for (int i = 0; i < permille.length; i++) {
      ranks.add(new RankActivity(i, -1, 0, 0, "S", 0, permille[i]));
    }
    return one(ranks);
  }

  private static GangActivity one(List<RankActivity> ranks) {
    var group = new GroupActivity(0, 0, 0, 0, false, 0, ranks, Optional.empty());
    return new GangActivity(Map.of(new NodeId("n1"), group));
  }

  @Test
  void aRankWhoseStepsTakeMoreThanTwiceTheMedianIsNamed() {
    assertThat(named(steps(1_000, 1_000, 2_201, 1_100)))
        .containsExactly("rank 2 on n1: a step takes it 2201ms, the median is 1100ms");
  }

  @Test
  void twiceIsNotMoreThanTwice() {
    assertThat(named(steps(1_000, 1_000, 2_000, 1_000))).isEmpty();
  }

  @Test
  void whatRanksDoNotPrintIsNotKnown() {
    assertThat(named(steps(1_000, 0, 9_000, 0))).isEmpty();
  }

  @Test
  void whereWaitingSleepsTheOneThatComputesIsIt() {
    assertThat(named(busy(300, 310, 900, 290)))
        .containsExactly(
            "rank 2 on n1: it computes 90 % of the time, the median is 31 %: the others wait");
  }

  @Test
  void whereWaitingSpinsNobodyIsNamed() {
    assertThat(named(busy(1_000, 980, 1_000, 990))).isEmpty();
    assertThat(named(busy(5, 3, 40, 6))).as("all idle").isEmpty();
  }

  @Test
  void eachIsSaidOnceInAnAttemptAndNothingIsDone() {
    ACluster cluster = aRunningJob(3);
    var training = new ATraining(nodes("n1", "n2", "n3"));
    training.busy("n1", 300).busy("n2", 300).busy("n3", 900);
    var input = new ClusterInput.ActivitySeen(cluster.fence(A), training.seen());

    Decision first = cluster.when(input);
    Decision second = cluster.when(input);

    assertThat(events(first, ClusterEvent.StragglerSeen.class)).hasSize(1);
    assertThat(first.reason().toString())
        .isEqualTo(
            "STRAGGLER: rank 2 on n3: it computes 90 % of the time, the median is 30 %: the"
                + " others wait; nothing is done about it");
    assertThat(first.actions()).isEmpty();
    assertThat(second.events()).isEmpty();
    assertThat(cluster.phase()).isEqualTo(JobPhase.RUNNING);
  }
}
