package io.lockstep.coordinator.core;

import static io.lockstep.coordinator.core.ACluster.SECOND;
import static io.lockstep.coordinator.core.ACluster.told;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.GroupStatus;
import io.lockstep.protocol.model.NodeId;
import java.time.Duration;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** A small gang is told again each second; a large one by turns. */
final class OrdersTest {
  private static final int LARGE = 2 * Orders.MAX_REPEATS + 30;

  @Test
  void aSmallGangIsToldAgainOnEachTick() {
    ACluster cluster = preparing(3);
    cluster.prepared(ACluster.A, ACluster.node("n2"));

    for (int i = 0; i < 3; i++) {
      assertThat(told(cluster.after(SECOND), ClusterAction.Prepare.class))
          .containsExactlyInAnyOrder(ACluster.node("n1"), ACluster.node("n3"));
    }
  }

  @Test
  void aLargeGangIsToldAtOnceAndAgainByTurns() {
    var cluster = ACluster.of(LARGE);
    assertThat(told(cluster.submits(ACluster.A, AJob.of(LARGE)), ClusterAction.Prepare.class))
        .hasSize(LARGE);

    assertThat(toldWithin(cluster, 3, ClusterAction.Prepare.class)).hasSize(LARGE);
  }

  @Test
  void whoHasAnsweredIsNotToldAgain() {
    ACluster cluster = preparing(LARGE);
    List<NodeId> gang = cluster.gang();
    List<NodeId> first = gang.subList(0, LARGE - Orders.MAX_REPEATS - 10);
    first.forEach(node -> cluster.prepared(ACluster.A, node));

    assertThat(toldWithin(cluster, 2, ClusterAction.Prepare.class))
        .hasSize(Orders.MAX_REPEATS + 10)
        .doesNotContainAnyElementsOf(first);
  }

  @Test
  void startsAndStopsAreRepeatedByTurnsToo() {
    ACluster cluster = preparing(LARGE);
    assertThat(told(cluster.prepares(ACluster.A), ClusterAction.Start.class)).hasSize(LARGE);
    assertThat(toldWithin(cluster, 3, ClusterAction.Start.class)).hasSize(LARGE);

    Decision canceled = cluster.cancels(ACluster.A, Duration.ofMinutes(1));
    assertThat(told(canceled, ClusterAction.Stop.class)).hasSize(LARGE);
    assertThat(toldWithin(cluster, 3, ClusterAction.Stop.class)).hasSize(LARGE);
  }

  @Test
  void whoSaysThatItStillHoldsAGroupOfAJobThatWaitsIsToldToEndItAtOnce() {
    ACluster cluster = ACluster.aJobInBackoff();
    OpenGroup left = cluster.job().open().get(0);

    Decision heard =
        cluster.when(
            ACluster.helloAgain(
                left.node().value(), ACluster.group(left.fence(), GroupStatus.Phase.RUNNING)));

    assertThat(told(heard, ClusterAction.Stop.class)).containsExactly(left.node());
  }

  private static ACluster preparing(int nodes) {
    return ACluster.aPreparingJob(nodes, AJob.of(nodes), nodes);
  }

  private static Collection<NodeId> toldWithin(
      ACluster cluster, int ticks, Class<? extends ClusterAction> what) {
    Set<NodeId> told = new HashSet<>();
    for (int i = 0; i < ticks; i++) {
      List<NodeId> now = told(cluster.after(SECOND), what);
      assertThat(now).hasSizeLessThanOrEqualTo(Orders.MAX_REPEATS);
      told.addAll(now);
    }
    return told;
  }
}
