package io.lockstep.coordinator.core;

import static io.lockstep.coordinator.core.ACluster.A;
import static io.lockstep.coordinator.core.ACluster.SECOND;
import static io.lockstep.coordinator.core.ACluster.aRunningJob;
import static io.lockstep.coordinator.core.ACluster.events;
import static io.lockstep.coordinator.core.ACluster.helloAgain;
import static io.lockstep.coordinator.core.ACluster.node;
import static io.lockstep.coordinator.core.ACluster.nodes;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.FailureCause;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Who may run, who is lost, and when an old group must be over (A15 to A23). */
class LeaseTest {
  private static final Instant LONG_AGO = Instant.parse("2025-01-01T00:00:00Z");

  // who may run

  @Test
  void onlyAReleasedAttemptIsPermittedAndOnlyWhereItWasPlaced() {
    ACluster cluster = ACluster.aPreparingJob(2, AJob.of(2), 3);
    Fence fence = cluster.fence(A);
    assertThat(standing(cluster, fence, "n1")).isEqualTo(LeaseStanding.UNKNOWN);

    cluster.prepares(A);

    assertThat(standing(cluster, fence, "n1")).isEqualTo(LeaseStanding.PERMITTED);
    assertThat(standing(cluster, fence, "n3")).isNotEqualTo(LeaseStanding.PERMITTED);
  }

  @Test
  void aFailedAttemptIsEndedAndTheNextIsNotKnownYet() {
    ACluster cluster = aRunningJob(2);
    Fence first = cluster.fence(A);

    cluster.exits("n1", Exit.killed(0));

    assertThat(standing(cluster, first, "n2")).isEqualTo(LeaseStanding.ENDED);
    assertThat(standing(cluster, cluster.fence(A), "n2")).isEqualTo(LeaseStanding.UNKNOWN);
  }

  @Test
  void whatASeatHasNotHeardOfIsNotStopped() {
    ACluster behind = aRunningJob(1);
    Fence next =
        new Fence(
            behind.state.version() + 5,
            A,
            new io.lockstep.protocol.model.Attempt(behind.attempt() + 1));
    Fence ofAnotherWithThisName =
        new Fence(behind.state.version() + 5, A, new io.lockstep.protocol.model.Attempt(1));

    assertThat(standing(behind, next, "n1")).isEqualTo(LeaseStanding.UNKNOWN);
    assertThat(standing(behind, ofAnotherWithThisName, "n1")).isEqualTo(LeaseStanding.UNKNOWN);
  }

  @Test
  void aCancelWithGraceLeavesTheLeaseForTheGraceAndTheKill() {
    ACluster cluster = aRunningJob(2);
    Fence fence = cluster.fence(A);

    cluster.cancels(A, Duration.ofSeconds(30));
    assertThat(standing(cluster, fence, "n1")).isEqualTo(LeaseStanding.PERMITTED);
    cluster.after(Duration.ofSeconds(34));
    assertThat(standing(cluster, fence, "n1")).isEqualTo(LeaseStanding.PERMITTED);
    cluster.after(SECOND);

    assertThat(standing(cluster, fence, "n1")).isEqualTo(LeaseStanding.ENDED);
  }

  @Test
  void aCancelAtOnceRevokesAtOnce() {
    ACluster cluster = aRunningJob(2);
    Fence fence = cluster.fence(A);

    cluster.cancels(A, Duration.ZERO);

    assertThat(standing(cluster, fence, "n1")).isEqualTo(LeaseStanding.ENDED);
  }

  // who is lost

  @Test
  void aLeaseThatAMajorityHasNotRenewedForTwoSecondsIsALostNode() {
    ACluster cluster = aRunningJob(2, AJob.of(2).spares(1), 3);
    cluster.dies("n2");

    cluster.after(SECOND);

    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n3"));
    assertThat(cluster.health("n2")).isEqualTo(NodeHealth.SUSPECT);
    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.NODE_SILENT);
    assertThat(cluster.job().counted()).isEqualTo(1);
  }

  @Test
  void oneSeatThatHearsNothingIsNoMajority() {
    ACluster cluster = aRunningJob(2);
    var lease = new Lease(cluster.fence(A), node("n2"));
    LeaseReport.Said hears = said(cluster, Map.of(lease, cluster.now), Set.of());
    LeaseReport.Said deaf = said(cluster, Map.of(lease, cluster.now.minusSeconds(9)), Set.of());

    Decision decision =
        cluster.when(new ClusterInput.LeasesSeen(new LeaseReport(2, List.of(hears, hears, deaf))));

    assertThat(decision.events()).isEmpty();
  }

  @Test
  void aSeatThatWasNotAskedYetDoesNotMissTheLease() {
    ACluster cluster = aRunningJob(2);
    var lease = new Lease(cluster.fence(A), node("n2"));
    LeaseReport.Said first = said(cluster, Map.of(lease, cluster.now.minusMillis(1)), Set.of());
    LeaseReport.Said notYet = said(cluster, Map.of(), Set.of());

    Decision decision =
        cluster.when(
            new ClusterInput.LeasesSeen(new LeaseReport(2, List.of(first, notYet, notYet))));

    assertThat(decision.events()).isEmpty();
  }

  @Test
  void aLeaseThatRanOutIsNotTheRootCauseWhereAnotherIsKnown() {
    ACluster cluster = aRunningJob(2, AJob.of(2).spares(1), 3);
    Fence first = cluster.fence(A);
    cluster.dies("n2");
    cluster.after(SECOND);

    cluster.exits("n2", first, Exit.leaseLost());

    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.NODE_SILENT);
  }

  @Test
  void whenAllLostTheirLeaseThatIsTheCause() {
    ACluster cluster = aRunningJob(2);

    cluster.exits("n1", Exit.leaseLost());
    assertThat(cluster.attempt()).isEqualTo(1);
    cluster.exits("n2", Exit.leaseLost());

    assertThat(cluster.attempt()).isEqualTo(2);
    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.LEASE_LOST);
  }

  @Test
  void whoNeverHeldALeaseIsNotMissed() {
    ACluster cluster = aRunningJob(2);
    LeaseReport.Said nothing = said(cluster, Map.of(), Set.of());

    Decision decision =
        cluster.when(
            new ClusterInput.LeasesSeen(new LeaseReport(2, List.of(nothing, nothing, nothing))));

    assertThat(decision.events()).isEmpty();
  }

  @Test
  void aGroupThatGaveItsLeaseBackHasEndedByItselfAndWillSayHow() {
    ACluster cluster = aRunningJob(2);
    var lease = new Lease(cluster.fence(A), node("n2"));
    LeaseReport.Said old = said(cluster, Map.of(lease, cluster.now.minusSeconds(9)), Set.of());
    LeaseReport.Said back =
        said(cluster, Map.of(lease, cluster.now.minusSeconds(9)), Set.of(lease));

    Decision decision =
        cluster.when(new ClusterInput.LeasesSeen(new LeaseReport(2, List.of(old, old, back))));

    assertThat(decision.events()).isEmpty();
  }

  @Test
  void aSilentAgentWhoseWorkersRenewTheirLeaseIsLeftAlone() {
    ACluster cluster = aRunningJob(2);

    Decision first = cluster.agentSilent("n2");
    Decision again = cluster.agentSilent("n2");

    assertThat(first.reason().code()).isEqualTo(ReasonCode.NODE_SILENT);
    assertThat(first.reason().message()).contains("they train on");
    assertThat(cluster.phase()).isEqualTo(JobPhase.RUNNING);
    assertThat(cluster.health("n2")).isEqualTo(NodeHealth.SUSPECT);
    assertThat(again.events()).isEmpty();

    cluster.heard("n2");
    assertThat(cluster.health("n2")).isEqualTo(NodeHealth.READY);
  }

  @Test
  void aSilentAgentWhoseGroupEndedByItselfIsWaitedForAMinute() {
    ACluster cluster = aRunningJob(2, AJob.of(2).spares(1), 3);
    cluster.exits("n1", Exit.zero());
    var lease = new Lease(cluster.fence(A), node("n2"));
    Map<Lease, Instant> granted = Map.of(lease, cluster.now.minusSeconds(9));
    LeaseReport.Said back = said(cluster, granted, Set.of(lease));
    LeaseReport.Said old = said(cluster, granted, Set.of());
    var silent =
        new ClusterInput.NodeSilent(
            node("n2"), Duration.ofSeconds(10), new LeaseReport(2, List.of(old, back, old)));

    Decision first = cluster.when(silent);

    assertThat(first.reason().message()).contains("ended by themselves").contains("60 s at most");
    assertThat(cluster.phase()).isEqualTo(JobPhase.RUNNING);
    assertThat(cluster.health("n2")).isEqualTo(NodeHealth.SUSPECT);

    cluster.now = cluster.now.plusSeconds(50);
    cluster.when(silent);
    assertThat(cluster.health("n2")).isEqualTo(NodeHealth.SUSPECT);
    cluster.now = cluster.now.plusSeconds(1);
    cluster.when(silent);
    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.NODE_SILENT);
  }

  @Test
  void itsLateReportEndsTheJobWell() {
    ACluster cluster = aRunningJob(2, AJob.of(2).spares(1), 3);
    cluster.exits("n1", Exit.zero());
    var lease = new Lease(cluster.fence(A), node("n2"));
    LeaseReport.Said back =
        said(cluster, Map.of(lease, cluster.now.minusSeconds(9)), Set.of(lease));
    cluster.when(
        new ClusterInput.NodeSilent(
            node("n2"), Duration.ofSeconds(10), new LeaseReport(2, List.of(back, back, back))));

    cluster.heard("n2");
    cluster.exits("n2", Exit.zero());

    assertThat(cluster.phase()).isEqualTo(JobPhase.SUCCEEDED);
  }

  // when an old group must be over

  @Test
  void theNextAttemptStartsWhenTheLostNodesLeaseIsOver() {
    ACluster cluster = aRunningJob(2, AJob.of(2).spares(1), 3);
    Fence first = cluster.fence(A);
    cluster.dies("n2"); // last renewed 3 s ago
    cluster.after(Duration.ZERO);
    cluster.exits("n1", first, Exit.stopped());
    cluster.prepares(A);
    assertThat(cluster.job().reason().code()).isEqualTo(ReasonCode.WAITING_FOR_OLD_GROUPS);

    cluster.after(Duration.ofMillis(3_999));
    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
    Decision decision = cluster.after(Duration.ofMillis(1));

    assertThat(events(decision, ClusterEvent.GroupGone.class)).hasSize(1);
    assertThat(cluster.phase()).isEqualTo(JobPhase.STARTING);
  }

  @Test
  void anAttemptIsPastOnANodeWhereItsGroupIsProvenGone() {
    ACluster cluster = aRunningJob(2, AJob.of(2).spares(1), 3);
    Fence first = cluster.fence(A);
    assertThat(isPast(cluster, first, "n1")).as("runs").isFalse();
    cluster.dies("n2");
    cluster.after(Duration.ZERO);
    assertThat(isPast(cluster, first, "n1")).as("not seen to end").isFalse();
    cluster.exits("n1", first, Exit.stopped());

    assertThat(isPast(cluster, first, "n1")).isTrue();
    assertThat(isPast(cluster, first, "n2")).as("may live").isFalse();
    assertThat(isPast(cluster, cluster.fence(A), "n1")).as("the next").isFalse();
  }

  @Test
  void aSeatThatDoesNotKnowOfTheEndYetProvesNothing() {
    ACluster cluster = aLostGroup();
    var lease = new Lease(cluster.job().attempts().get(0).fence(), node("n2"));
    Map<Lease, Instant> old = Map.of(lease, cluster.now.minusSeconds(60));
    long revokedAt =
        cluster.job().openOn(node("n2"), lease.fence()).orElseThrow().revokedAt().orElseThrow();
    var behind = LeaseReport.Said.of(revokedAt - 1, cluster.now, LONG_AGO, old);
    var knows = LeaseReport.Said.of(revokedAt, cluster.now, LONG_AGO, old);

    assertThat(gone(cluster, new LeaseReport(2, List.of(knows, behind, behind)))).isFalse();
    assertThat(gone(cluster, new LeaseReport(2, List.of(knows)))).isFalse();
    assertThat(gone(cluster, new LeaseReport(2, List.of(knows, behind, knows)))).isTrue();
  }

  @Test
  void aGroupWhoseAgentCameBackAndThenLostItsMemoryIsOverWithItsLease() {
    ACluster cluster = aLostGroup();
    cluster.when(helloAgain("n2"));
    cluster.when(ACluster.hello(node("n2"), "another-disk", "boot-1", 0));
    var knows = LeaseReport.Said.of(cluster.state.version(), cluster.now, LONG_AGO, Map.of());

    assertThat(gone(cluster, new LeaseReport(2, List.of(knows, knows, knows)))).isTrue();
  }

  @Test
  void aSeatWithoutARecordMayHaveGrantedUntilItStarted() {
    ACluster cluster = aLostGroup();
    long version = cluster.state.version();
    var fresh = LeaseReport.Said.of(version, cluster.now, cluster.now.minusSeconds(5), Map.of());
    var old = LeaseReport.Said.of(version, cluster.now, LONG_AGO, Map.of());

    assertThat(gone(cluster, new LeaseReport(2, List.of(fresh, fresh, old)))).isFalse();
    assertThat(gone(cluster, new LeaseReport(2, List.of(fresh, old, old)))).isTrue();
  }

  @Test
  void theNewestOfAMajoritysAgesCounts() {
    ACluster cluster = aLostGroup();
    var lease = new Lease(cluster.job().attempts().get(0).fence(), node("n2"));
    LeaseReport.Said recent =
        said(cluster, Map.of(lease, cluster.now.minusMillis(6_999)), Set.of());
    LeaseReport.Said older = said(cluster, Map.of(lease, cluster.now.minusSeconds(7)), Set.of());

    assertThat(gone(cluster, new LeaseReport(2, List.of(older, recent, recent)))).isFalse();
    assertThat(gone(cluster, new LeaseReport(2, List.of(older, older, recent)))).isTrue();
  }

  @Test
  void aNodeThatIsHeardProvesItsEndItself() {
    ACluster cluster = aRunningJob(2, AJob.of(2).spares(1), 3);
    cluster.exits("n1", Exit.killed(0));
    var lease = new Lease(cluster.job().attempts().get(0).fence(), node("n2"));
    LeaseReport.Said old = said(cluster, Map.of(lease, cluster.now.minusSeconds(60)), Set.of());

    assertThat(gone(cluster, new LeaseReport(2, List.of(old, old, old)))).isFalse();
  }

  @Test
  void theMarginIsASecondOrTwoPercent() {
    assertThat(Lease.overAfter(Duration.ofSeconds(6))).isEqualTo(Duration.ofSeconds(7));
    assertThat(Lease.overAfter(Duration.ofMinutes(10))).isEqualTo(Duration.ofSeconds(612));
  }

  // given

  /** n2 was lost, its group was not seen to end; attempt 2 is prepared on the others. */
  private static ACluster aLostGroup() {
    ACluster cluster = aRunningJob(2, AJob.of(2).spares(1), 3);
    cluster.silent("n2");
    return cluster;
  }

  private static boolean gone(ACluster cluster, LeaseReport report) {
    Decision decision =
        cluster.machine.decide(cluster.state, new ClusterInput.LeasesSeen(report), cluster.now);
    return !events(decision, ClusterEvent.GroupGone.class).isEmpty();
  }

  private static LeaseReport.Said said(
      ACluster cluster, Map<Lease, Instant> granted, Set<Lease> returned) {
    var grants = new HashMap<Lease, LeaseReport.Granted>();
    granted.forEach(
        (lease, at) -> grants.put(lease, new LeaseReport.Granted(at, returned.contains(lease), 1)));
    return new LeaseReport.Said(cluster.state.version(), cluster.now, LONG_AGO, grants);
  }

  private static boolean isPast(ACluster cluster, Fence fence, String name) {
    return cluster.state.isPast(new Lease(fence, node(name)));
  }

  private static LeaseStanding standing(ACluster cluster, Fence fence, String name) {
    return cluster.state.standing(new Lease(fence, node(name)));
  }
}
