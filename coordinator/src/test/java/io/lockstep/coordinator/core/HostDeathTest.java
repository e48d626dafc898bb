package io.lockstep.coordinator.core;

import static io.lockstep.coordinator.core.ACluster.A;
import static io.lockstep.coordinator.core.ACluster.B;
import static io.lockstep.coordinator.core.ACluster.LOST_WAIT;
import static io.lockstep.coordinator.core.ACluster.SECOND;
import static io.lockstep.coordinator.core.ACluster.SUSPECT_WAIT;
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
import org.junit.jupiter.api.Test;

/** One fault is one counted restart: whose fault a lost connection was. */
class HostDeathTest {
  private static ACluster threeAndASpare() {
    return aRunningJob(3, AJob.of(3).spares(1), 4);
  }

  @Test
  void theFirstPeerLossPlansAndStopsNothing() {
    ACluster cluster = threeAndASpare();

    Decision decision = cluster.exits("n1", Exit.peerLoss(0));

    assertThat(events(decision, ClusterEvent.AttemptFaltered.class)).hasSize(1);
    assertThat(events(decision, ClusterEvent.AttemptFailed.class)).isEmpty();
    assertThat(ACluster.told(decision, ClusterAction.Stop.class)).isEmpty();
    assertThat(cluster.job().reason().code()).isEqualTo(ReasonCode.WORKERS_FAILED);
    assertThat(cluster.state.awaits(node("n2"))).isTrue();
    assertThat(cluster.state.awaits(node("n1"))).isFalse();
    assertThat(cluster.state.awaits(node("n4"))).isFalse();
  }

  @Test
  void aWorkerKilledOnALiveNodeRestartsAtOnceWithTheSameRanks() {
    ACluster cluster = threeAndASpare();
    cluster.exits("n1", Exit.peerLoss(0));
    cluster.exits("n3", Exit.peerLoss(2));

    cluster.exits("n2", Exit.killed(1));

    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n2", "n3"));
    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.WORKER_KILLED);
    assertThat(cluster.causeOf(1).node()).contains(node("n2"));
    assertThat(cluster.job().counted()).isEqualTo(1);
  }

  @Test
  void theRootCauseDoesNotWaitForTheOthers() {
    ACluster cluster = threeAndASpare();
    cluster.when(new ClusterInput.StepSeen(cluster.fence(ACluster.A), 3));
    cluster.exits("n1", Exit.peerLoss(0));

    cluster.exits("n2", Exit.raised(1, "ValueError"));

    assertThat(cluster.attempt()).isEqualTo(2);
    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.WORKER_FAILED);
  }

  @Test
  void aShimLostIsARootCause() {
    ACluster cluster = threeAndASpare();
    cluster.exits("n1", Exit.peerLoss(0));

    cluster.exits("n2", Exit.shimLost());

    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.SHIM_LOST);
  }

  @Test
  void whenAllLostAPeerTheFirstReportIsTheCause() {
    ACluster cluster = threeAndASpare();
    cluster.exits("n2", Exit.peerLoss(1));
    cluster.exits("n1", Exit.peerLoss(0));
    cluster.exits("n1", Exit.peerLoss(0));

    cluster.exits("n3", Exit.peerLoss(2));

    assertThat(cluster.attempt()).isEqualTo(2);
    assertThat(cluster.causeOf(1).node()).contains(node("n2"));
    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n2", "n3"));
  }

  @Test
  void aGangOfOneHasNobodyToWaitFor() {
    ACluster cluster = aRunningJob(1);

    cluster.exits("n1", Exit.peerLoss(0));

    assertThat(cluster.attempt()).isEqualTo(2);
  }

  @Test
  void aDeadHostCostsOneRestartAndTheSpareTakesItsRankWithinTheWait() {
    ACluster cluster = threeAndASpare();
    cluster.exits("n1", Exit.peerLoss(0));
    cluster.exits("n3", Exit.peerLoss(2));
    cluster.after(SECOND);
    assertThat(cluster.attempt()).isEqualTo(1);

    cluster.after(SECOND);

    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n4", "n3"));
    assertThat(cluster.health("n2")).isEqualTo(NodeHealth.SUSPECT);
    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.NODE_SILENT);
    assertThat(cluster.causeOf(1).node()).contains(node("n2"));

    cluster.after(Duration.ofSeconds(8));
    cluster.silent("n2");
    cluster.prepares(A);
    cluster.after(LOST_WAIT);
    cluster.starts(A);

    assertThat(cluster.phase()).isEqualTo(JobPhase.RUNNING);
    assertThat(cluster.attempt()).isEqualTo(2);
    assertThat(cluster.job().counted()).isEqualTo(1);
    assertThat(cluster.job().uncounted()).isZero();
    assertThat(cluster.health("n2")).isEqualTo(NodeHealth.LOST);
  }

  @Test
  void whoGaveASignOfLifeIsNotSuspect() {
    ACluster cluster = threeAndASpare();
    cluster.exits("n1", Exit.peerLoss(0));
    cluster.heard("n3");
    cluster.heard("n3");

    cluster.after(SUSPECT_WAIT);

    assertThat(cluster.health("n3")).isEqualTo(NodeHealth.READY);
    assertThat(cluster.health("n2")).isEqualTo(NodeHealth.SUSPECT);
    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n4", "n3"));
  }

  @Test
  void whenAllAreHeardThePeerLossItselfIsTheCause() {
    ACluster cluster = threeAndASpare();
    cluster.exits("n1", Exit.peerLoss(0));
    cluster.heard("n2");
    cluster.heard("n3");

    cluster.after(SUSPECT_WAIT);

    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.WORKER_FAILED);
    assertThat(cluster.causeOf(1).peerLoss()).isTrue();
    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n2", "n3"));
  }

  @Test
  void withoutASpareTheJobWaitsUntilTheSuspectIsHeard() {
    ACluster cluster = aRunningJob(2);
    cluster.exits("n1", Exit.peerLoss(0));
    cluster.after(SUSPECT_WAIT);
    assertThat(cluster.phase()).isEqualTo(JobPhase.QUEUED);
    assertThat(cluster.job().reason().code()).isEqualTo(ReasonCode.WAITING_FOR_NODES);

    Decision decision = cluster.heard("n2");

    assertThat(events(decision, ClusterEvent.NodeHeard.class)).hasSize(1);
    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n2"));
    assertThat(cluster.attempt()).isEqualTo(2);
    assertThat(cluster.job().counted()).isEqualTo(1);
  }

  @Test
  void anyReportOrHelloIsASignOfLife() {
    ACluster byExit = aRunningJob(2);
    byExit.exits("n1", Exit.peerLoss(0));
    byExit.after(SUSPECT_WAIT);
    byExit.exits("n2", Exit.killed(1));
    assertThat(byExit.attempt()).isEqualTo(2);
    assertThat(byExit.causeOf(1).code()).isEqualTo(FailureCause.WORKER_KILLED);

    ACluster byHello = aRunningJob(2);
    byHello.exits("n1", Exit.peerLoss(0));
    byHello.after(SUSPECT_WAIT);
    byHello.when(helloAgain("n2"));
    assertThat(byHello.attempt()).isEqualTo(2);
    assertThat(byHello.health("n2")).isEqualTo(NodeHealth.READY);
  }

  @Test
  void withoutASpareTheSuspectMayTurnOutLost() {
    ACluster cluster = aRunningJob(2);
    cluster.exits("n1", Exit.peerLoss(0));
    cluster.after(SUSPECT_WAIT);

    Decision decision = cluster.silent("n2");

    assertThat(events(decision, ClusterEvent.AttemptFailed.class)).isEmpty();
    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.NODE_SILENT);
    assertThat(cluster.causeOf(1).peerLoss()).isFalse();
    assertThat(cluster.job().counted()).isEqualTo(1);
    assertThat(cluster.attempt()).isEqualTo(1);

    cluster.when(helloAgain("n2"));
    assertThat(cluster.attempt()).isEqualTo(2);
  }

  @Test
  void nobodySlipsOntoTheNodesOfAJobThatWaitsForASuspect() {
    ACluster cluster = aRunningJob(2);
    cluster.submits(B, AJob.of(1));
    cluster.exits("n1", Exit.peerLoss(0));
    cluster.after(SUSPECT_WAIT);
    assertThat(cluster.job(B).phase()).isEqualTo(JobPhase.QUEUED);

    cluster.heard("n2");

    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n2"));
  }

  @Test
  void silenceBeforeTheVerdictIsTheVerdict() {
    ACluster cluster = threeAndASpare();
    cluster.exits("n1", Exit.peerLoss(0));

    cluster.silent("n2");

    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.NODE_SILENT);
    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n4", "n3"));
    assertThat(cluster.job().counted()).isEqualTo(1);
  }

  @Test
  void theHostThatWasHeardOnceMoreAndThenLostIsStillTheSameFault() {
    ACluster cluster = aRunningJob(2, AJob.of(2).spares(1), 3);
    cluster.exits("n1", Exit.peerLoss(0));
    cluster.heard("n2");
    cluster.after(SUSPECT_WAIT);
    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n2"));

    cluster.silent("n2");

    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.NODE_SILENT);
    assertThat(cluster.job().counted()).isEqualTo(1);
    assertThat(cluster.job().uncounted()).isEqualTo(1);
    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n3"));
  }

  @Test
  void twoHostsDeadAtOnceAreOneFault() {
    ACluster cluster = aRunningJob(3, AJob.of(3).spares(2), 5);
    cluster.exits("n1", Exit.peerLoss(0));

    cluster.after(SUSPECT_WAIT);
    cluster.silent("n2");
    cluster.silent("n3");

    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n4", "n5"));
    assertThat(cluster.job().counted()).isEqualTo(1);
  }

  @Test
  void theSecondOfTwoHostsFoundSilentOneAfterTheOtherCostsNoBudget() {
    ACluster cluster = aRunningJob(3, AJob.of(3).spares(2), 5);

    cluster.silent("n2");
    cluster.after(Duration.ofMillis(24));
    cluster.silent("n3");

    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n4", "n5"));
    assertThat(cluster.job().counted()).isEqualTo(1);
    assertThat(cluster.job().uncounted()).isEqualTo(1);
  }

  @Test
  void aNodeThatFinishedIsNotWaitedFor() {
    ACluster cluster = aRunningJob(3);
    cluster.exits("n3", Exit.zero());
    cluster.exits("n1", Exit.peerLoss(0));
    assertThat(cluster.state.awaits(node("n3"))).isFalse();

    cluster.exits("n2", Exit.peerLoss(1));

    assertThat(cluster.attempt()).isEqualTo(2);
  }

  @Test
  void theLastToFinishEndsTheWait() {
    ACluster cluster = aRunningJob(2);
    cluster.exits("n1", Exit.peerLoss(0));

    cluster.exits("n2", Exit.zero());

    assertThat(cluster.attempt()).isEqualTo(2);
  }

  @Test
  void torchrunThatFindsNoStoreBlamesNobodyWhileTheGangStarts() {
    ACluster cluster = ACluster.aPreparingJob(2, AJob.of(2).spares(1), 3);
    cluster.prepares(A);
    cluster.when(new ClusterInput.NodeStarted(node("n2"), cluster.fence(A)));

    Decision decision = cluster.exits("n2", Exit.torchrunFailed());
    assertThat(events(decision, ClusterEvent.AttemptFaltered.class)).hasSize(1);
    assertThat(ACluster.told(cluster.after(SECOND), ClusterAction.Start.class)).isEmpty();
    cluster.after(SECOND);

    assertThat(cluster.causeOf(1).node()).contains(node("n1"));
    assertThat(cluster.gang()).isEqualTo(nodes("n3", "n2"));
  }

  @Test
  void aLostPortRaceBeatsThePeersThatMetIt() {
    ACluster cluster = aRunningJob(2);
    cluster.exits("n2", Exit.torchrunFailed());

    cluster.exits("n1", Exit.portTaken());

    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.PORT_TAKEN);
    assertThat(cluster.job().counted()).isZero();
  }

  @Test
  void aLateRootCauseBeatsPeerLossAndGivesTheBudgetBack() {
    ACluster cluster = aRunningJob(2, AJob.of(2).spares(1), 3);
    Fence first = cluster.fence(A);
    cluster.exits("n2", Exit.torchrunFailed());
    cluster.after(SUSPECT_WAIT);
    assertThat(cluster.job().counted()).isEqualTo(1);

    Decision decision = cluster.exits("n1", first, Exit.portTaken());

    assertThat(events(decision, ClusterEvent.CauseRefined.class)).hasSize(1);
    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.PORT_TAKEN);
    assertThat(cluster.job().counted()).isZero();
    assertThat(cluster.job().countedAt()).isEmpty();
    assertThat(cluster.job().uncounted()).isEqualTo(1);
  }

  @Test
  void aLateReportOfPeerLossOrOfAStopRefinesNothing() {
    ACluster cluster = threeAndASpare();
    Fence first = cluster.fence(A);
    cluster.exits("n1", Exit.peerLoss(0));
    cluster.after(SUSPECT_WAIT);

    cluster.exits("n2", first, Exit.peerLoss(1));
    cluster.exits("n3", first, Exit.stopped());

    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.NODE_SILENT);
  }

  @Test
  void aRootCauseThatIsKnownIsNotRefined() {
    ACluster cluster = aRunningJob(2);
    Fence first = cluster.fence(A);
    cluster.exits("n1", Exit.killed(0));

    cluster.exits("n2", first, Exit.raised(1, "ValueError"));

    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.WORKER_KILLED);
  }

  @Test
  void aNewCoordinatorListensFirst() {
    ACluster cluster = threeAndASpare();
    cluster.exits("n1", Exit.peerLoss(0));
    cluster.now = cluster.now.plusSeconds(60);

    cluster.takesOver();
    cluster.tick();
    assertThat(cluster.attempt()).isEqualTo(1);
    cluster.heard("n3");
    cluster.after(SUSPECT_WAIT);

    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n4", "n3"));
    assertThat(cluster.causeOf(1).node()).contains(node("n2"));
  }

  @Test
  void aFalteringJobCanBeCanceledAndDrained() {
    ACluster canceled = threeAndASpare();
    canceled.exits("n1", Exit.peerLoss(0));
    canceled.cancels(A, Duration.ZERO);
    canceled.after(SUSPECT_WAIT);
    assertThat(canceled.phase()).isEqualTo(JobPhase.STOPPING);

    ACluster drained = threeAndASpare();
    drained.exits("n1", Exit.peerLoss(0));
    drained.drains("n2");
    drained.after(SUSPECT_WAIT);
    assertThat(drained.phase()).isEqualTo(JobPhase.STOPPING);
    assertThat(drained.job().counted()).isZero();
  }

  @Test
  void withoutBudgetADeadHostIsNotTheScriptsFault() {
    ACluster cluster = aRunningJob(2, AJob.of(2).budget(0), 2);
    cluster.exits("n1", Exit.peerLoss(0));
    cluster.after(SUSPECT_WAIT);

    cluster.silent("n2");
    cluster.after(LOST_WAIT);

    assertThat(cluster.phase()).isEqualTo(JobPhase.FAILED);
    assertThat(cluster.job().exitCode()).contains(Exits.BUDGET_SPENT);
    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.NODE_SILENT);
  }

  @Test
  void whoWasNotHeardWhileTheCoordinatorStoodStillIsNotSuspect() {
    ACluster cluster = threeAndASpare();
    cluster.exits("n1", Exit.peerLoss(0));
    cluster.now = cluster.now.plus(Duration.ofSeconds(30));

    cluster.when(new ClusterInput.StoodStill(Duration.ofSeconds(30)));
    cluster.tick();
    assertThat(cluster.attempt()).isEqualTo(1);
    cluster.heard("n3");
    cluster.exits("n2", Exit.killed(1));

    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.WORKER_KILLED);
    assertThat(cluster.health("n2")).isEqualTo(NodeHealth.READY);
    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n2", "n3"));
  }

  @Test
  void twoHostsLostAtOnceWithoutAWordAreOneCountedRestart() {
    ACluster cluster = aRunningJob(3, AJob.of(3).spares(2), 5);

    cluster.silent("n2");
    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n4", "n3"));
    cluster.silent("n3");

    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n4", "n5"));
    assertThat(cluster.job().counted()).isEqualTo(1);
    assertThat(cluster.job().uncounted()).isEqualTo(1);
    cluster.prepares(A);
    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
    cluster.after(LOST_WAIT);
    cluster.starts(A);
    assertThat(cluster.phase()).isEqualTo(JobPhase.RUNNING);
  }

  @Test
  void twoHostsLostAtOnceWithoutSparesWaitUntilBothAreBack() {
    ACluster cluster = aRunningJob(3);
    cluster.silent("n2");
    cluster.silent("n3");
    assertThat(cluster.phase()).isEqualTo(JobPhase.QUEUED);
    assertThat(cluster.job().counted()).isEqualTo(1);

    cluster.when(helloAgain("n2"));
    assertThat(cluster.phase()).isEqualTo(JobPhase.QUEUED);
    cluster.when(helloAgain("n3"));

    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n2", "n3"));
    assertThat(cluster.attempt()).isEqualTo(2);
  }

  @Test
  void aNodeLostWhileItsGangStopsForADrainDelaysTheMoveByTheWaitOnly() {
    ACluster cluster = aRunningJob(2, AJob.of(2), 4);
    cluster.drains("n1");
    cluster.exits("n1", Exit.stopped());
    cluster.silent("n2");
    assertThat(cluster.phase()).isEqualTo(JobPhase.STOPPING);

    cluster.after(LOST_WAIT);

    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
    assertThat(cluster.gang()).containsExactlyInAnyOrder(node("n3"), node("n4"));
    assertThat(cluster.job().counted()).isZero();
  }

  @Test
  void aNodeLostWhileItsJobIsCanceledEndsItAfterTheWait() {
    ACluster cluster = aRunningJob(2);
    cluster.cancels(A, Duration.ofSeconds(30));
    cluster.exits("n1", Exit.stopped());
    cluster.silent("n2");

    cluster.after(LOST_WAIT);

    assertThat(cluster.phase()).isEqualTo(JobPhase.CANCELED);
  }

  @Test
  void aNodeLostInTheLastSecondCostsARestartThoughTheOthersExitedZero() {
    ACluster cluster = aRunningJob(2, AJob.of(2).spares(1), 3);
    cluster.exits("n1", Exit.zero());

    cluster.silent("n2");

    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n3"));
    assertThat(cluster.job().counted()).isEqualTo(1);
  }

  @Test
  void aNodeThatFinishedAndIsLostThenDoesNotMatter() {
    ACluster cluster = aRunningJob(2);
    cluster.exits("n1", Exit.zeroWithLeftovers());
    cluster.silent("n1");
    assertThat(cluster.phase()).isEqualTo(JobPhase.RUNNING);

    cluster.exits("n2", Exit.zero());
    assertThat(cluster.phase()).isEqualTo(JobPhase.STOPPING);
    cluster.after(LOST_WAIT);

    assertThat(cluster.phase()).isEqualTo(JobPhase.SUCCEEDED);
  }
}
