package io.lockstep.coordinator.core;

import static io.lockstep.coordinator.core.ACluster.A;
import static io.lockstep.coordinator.core.ACluster.B;
import static io.lockstep.coordinator.core.ACluster.C;
import static io.lockstep.coordinator.core.ACluster.aRunningJob;
import static io.lockstep.coordinator.core.ACluster.events;
import static io.lockstep.coordinator.core.ACluster.helloAgain;
import static io.lockstep.coordinator.core.ACluster.node;
import static io.lockstep.coordinator.core.ACluster.nodes;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class PlacementTest {
  @Test
  void aGangIsPlacedWholeOrNotAtAll() {
    ACluster cluster = ACluster.of(2);

    cluster.submits(A, AJob.of(3));
    assertThat(cluster.phase()).isEqualTo(JobPhase.QUEUED);
    assertThat(cluster.job().reason().code()).isEqualTo(ReasonCode.WAITING_FOR_NODES);

    cluster.joins("n3", 0);
    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n2", "n3"));
  }

  @Test
  void waitingForTheSameReasonIsSaidOnce() {
    ACluster cluster = ACluster.of(1);
    cluster.submits(A, AJob.of(2));

    assertThat(cluster.tick().events()).isEmpty();
    assertThat(cluster.tick().reason().code()).isEqualTo(ReasonCode.NOTHING_TO_DO);
  }

  @Test
  void severalJobsRunOnDisjointNodes() {
    ACluster cluster = aRunningJob(2, AJob.of(2), 5);
    cluster.submits(B, AJob.of(2));
    cluster.runs(B);
    cluster.submits(C, AJob.of(2));

    assertThat(cluster.gang(B)).isEqualTo(nodes("n3", "n4"));
    assertThat(cluster.job(C).phase()).isEqualTo(JobPhase.QUEUED);

    cluster.exits("n1", Exit.zero());
    cluster.exits("n2", Exit.zero());
    assertThat(cluster.phase()).isEqualTo(JobPhase.SUCCEEDED);
    assertThat(cluster.gang(C)).isEqualTo(nodes("n1", "n2"));
  }

  @Test
  void survivorsKeepTheirRanksAndTheSpareTakesTheLostOnes() {
    ACluster cluster = aRunningJob(3, AJob.of(3).spares(1), 5);
    assertThat(cluster.job().spares()).isEqualTo(nodes("n4"));

    cluster.silent("n1");

    assertThat(cluster.gang()).isEqualTo(nodes("n4", "n2", "n3"));
    assertThat(cluster.job().spares()).isEqualTo(nodes("n5"));
  }

  @Test
  void twoLostAtOnceAreReplacedInTheirRanks() {
    ACluster cluster = aRunningJob(3, AJob.of(3).spares(2), 5);

    cluster.silent("n1");
    cluster.silent("n3");

    assertThat(cluster.gang()).isEqualTo(nodes("n4", "n2", "n5"));
    assertThat(cluster.job().counted()).as("one fault").isEqualTo(1);
  }

  @Test
  void aNodeThatAsksForARankHasIt() {
    ACluster cluster = ACluster.of(0);
    cluster.asks("n1", 2).asks("n2", 0).joins("n3", 0).asks("n4", 1);

    cluster.submits(A, AJob.of(3));

    assertThat(cluster.gang()).isEqualTo(nodes("n2", "n4", "n1"));
  }

  @Test
  void whoAsksForAVacantRankComesBeforeASpareAndSurvivorsBeforeBoth() {
    ACluster cluster = ACluster.of(0);
    cluster.asks("n1", 0).asks("n2", 1).joins("n3", 0);
    cluster.submits(A, AJob.of(2));
    cluster.runs(A);
    cluster.asks("n0", 0).asks("n4", 1);

    cluster.silent("n2");

    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n4"));
  }

  @Test
  void namedNodesAreWaitedForAndTakeTheirRanks() {
    ACluster cluster = ACluster.of(2);
    cluster.submits(A, AJob.of(2).pinned("n3", "n1"));
    assertThat(cluster.phase()).isEqualTo(JobPhase.QUEUED);
    assertThat(cluster.job().reason().message()).contains("n3 named by the job, never heard of");

    cluster.submits(B, AJob.of(1));
    assertThat(cluster.gang(B)).as("the other job need not wait").isEqualTo(nodes("n1"));

    cluster.joins("n3", 0);
    assertThat(cluster.phase()).isEqualTo(JobPhase.QUEUED);
    cluster.runs(B);
    cluster.exits("n1", cluster.lastFence(B), Exit.zero());
    assertThat(cluster.gang()).isEqualTo(nodes("n3", "n1"));
  }

  @Test
  void aSpareStandsInForANamedNodeThatIsLost() {
    ACluster cluster = aRunningJob(2, AJob.of(2).pinned("n2", "n1").spares(1), 3);
    assertThat(cluster.gang()).isEqualTo(nodes("n2", "n1"));

    cluster.silent("n2");

    assertThat(cluster.gang()).isEqualTo(nodes("n3", "n1"));
  }

  @Test
  void losingASpareDisturbsNothing() {
    ACluster cluster = aRunningJob(2, AJob.of(2).spares(1), 4);

    Decision decision = cluster.silent("n3");

    assertThat(cluster.phase()).isEqualTo(JobPhase.RUNNING);
    assertThat(decision.actions()).isEmpty();
    cluster.silent("n1");
    assertThat(cluster.gang()).isEqualTo(nodes("n4", "n2"));
  }

  @Test
  void sparesAreKeptFromOtherJobs() {
    ACluster cluster = aRunningJob(2, AJob.of(2).spares(1), 3);

    cluster.submits(B, AJob.of(1));

    assertThat(cluster.job(B).phase()).isEqualTo(JobPhase.QUEUED);
    assertThat(cluster.job(B).reason().message()).contains("n3 held by a");
  }

  @Test
  void aGangIsPlacedWithFewerSparesThanWished() {
    ACluster cluster = ACluster.of(2);

    cluster.submits(A, AJob.of(2).spares(3));

    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
    assertThat(cluster.job().spares()).isEmpty();
  }

  @Test
  void withoutASpareAnyFreeNodeTakesTheRank() {
    ACluster cluster = aRunningJob(2, AJob.of(2), 3);

    cluster.silent("n2");

    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n3"));
  }

  @Test
  void jobsAreTakenInTheirOrder() {
    ACluster cluster = aRunningJob(2);
    cluster.submits(B, AJob.of(2));
    cluster.submits(C, AJob.of(1));
    cluster.joins("n3", 0);

    assertThat(cluster.job(C).phase()).as("small ones do not pass").isEqualTo(JobPhase.QUEUED);
    assertThat(cluster.job(C).reason().message()).contains("n3 kept for b");

    cluster.joins("n4", 0);
    assertThat(cluster.job(B).phase()).isEqualTo(JobPhase.PREPARING);
    assertThat(cluster.job(C).phase()).isEqualTo(JobPhase.QUEUED);
  }

  @Test
  void whatCannotFitAtAllBlocksNobody() {
    ACluster cluster = ACluster.of(2);
    cluster.submits(A, AJob.of(9));

    cluster.submits(B, AJob.of(1));

    assertThat(cluster.job(B).phase()).isEqualTo(JobPhase.PREPARING);
  }

  @Test
  void aGpuJobThatFitsOnNoGpusBlocksNobody() {
    ACluster cluster = ACluster.of(2).joins("g1", 8);
    cluster.submits(A, AJob.of(2).devices(0, 1));

    cluster.submits(B, AJob.of(1).procs(1));

    assertThat(cluster.phase()).isEqualTo(JobPhase.QUEUED);
    assertThat(cluster.job(B).phase()).isEqualTo(JobPhase.PREPARING);
  }

  @Test
  void higherPriorityIsPlacedFirst() {
    ACluster cluster = aRunningJob(2);
    cluster.submits(B, AJob.of(2));
    cluster.submits(C, AJob.of(2).priority(5));

    cluster.exits("n1", Exit.zero());
    cluster.exits("n2", Exit.zero());

    assertThat(cluster.job(C).phase()).isEqualTo(JobPhase.PREPARING);
    assertThat(cluster.job(B).phase()).isEqualTo(JobPhase.QUEUED);
  }

  @Test
  void aRestartComesBeforeNewJobsOfAnyPriority() {
    ACluster cluster = aRunningJob(2);
    cluster.submits(B, AJob.of(1).priority(9));

    cluster.exits("n2", Exit.killed(1));

    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n2"));
    assertThat(cluster.job(B).phase()).isEqualTo(JobPhase.QUEUED);
  }

  @Test
  void aJobInItsBackoffKeepsItsNodes() {
    ACluster cluster = ACluster.aJobInBackoff();
    cluster.exits("n1", Exit.stopped());
    cluster.submits(B, AJob.of(2));
    assertThat(cluster.job(B).phase()).isEqualTo(JobPhase.QUEUED);
    cluster.submits(C, AJob.of(1));

    cluster.after(Duration.ofSeconds(20));

    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n2"));
  }

  @Test
  void drainingAndLostNodesAreNotPlaced() {
    ACluster cluster = ACluster.of(4);
    cluster.drains("n1");
    cluster.silent("n2");

    cluster.submits(A, AJob.of(2));
    assertThat(cluster.gang()).isEqualTo(nodes("n3", "n4"));

    cluster.submits(B, AJob.of(1));
    assertThat(cluster.job(B).reason().message()).contains("n1 draining").contains("n2 lost");
    cluster.when(helloAgain("n2"));
    assertThat(cluster.gang(B)).isEqualTo(nodes("n2"));
  }

  @Test
  void theMasterIsTheNodeOfRankZeroAsOthersSeeIt() {
    ACluster cluster = aRunningJob(2);

    assertThat(cluster.job().table().orElseThrow().master().address()).isEqualTo("addr-n1");
  }

  // GPUs

  @Test
  void gpuAndCpuNodesAreNeverMixed() {
    ACluster cluster = ACluster.of(1).joins("g1", 8);

    cluster.submits(A, AJob.of(2).procs(2));

    assertThat(cluster.phase()).isEqualTo(JobPhase.QUEUED);
  }

  @Test
  void autoTakesAsManyWorkersAsEachNodeHasGpus() {
    ACluster cluster = ACluster.of(2).joins("g1", 4).joins("g2", 8).joins("g3", 8);

    cluster.submits(A, AJob.of(2).autoProcs());
    cluster.submits(B, AJob.of(1).autoProcs());

    assertThat(cluster.gang()).isEqualTo(nodes("g2", "g3"));
    assertThat(cluster.job().procsPerNode()).isEqualTo(8);
    assertThat(cluster.gang(B)).isEqualTo(nodes("g1"));
    assertThat(cluster.job(B).procsPerNode()).isEqualTo(4);
  }

  @Test
  void autoIsOneWhereThereAreNoGpus() {
    ACluster cluster = ACluster.of(2);

    cluster.submits(A, AJob.of(2).autoProcs());

    assertThat(cluster.job().procsPerNode()).isEqualTo(1);
  }

  @Test
  void autoIsResolvedOnceAndKept() {
    ACluster cluster = ACluster.of(0).joins("g1", 4).joins("g2", 4);
    cluster.submits(A, AJob.of(2).autoProcs());
    cluster.joins("g3", 8).joins("g4", 8);
    cluster.runs(A);

    cluster.silent("g1");

    assertThat(cluster.gang()).isEqualTo(nodes("g3", "g2"));
    assertThat(cluster.job().table().orElseThrow().worldSize()).isEqualTo(8);
  }

  @Test
  void aNodeWithTooFewGpusTakesNoRank() {
    ACluster cluster = ACluster.of(0).joins("g1", 8).joins("g2", 8).joins("g3", 4);
    cluster.submits(A, AJob.of(2).autoProcs());
    cluster.runs(A);

    cluster.silent("g1");

    assertThat(cluster.phase()).isEqualTo(JobPhase.QUEUED);
    assertThat(cluster.job().reason().message()).contains("g3 has only 4 GPUs");
  }

  @Test
  void aGpuJobDoesNotMoveToCpusWhenAGpuNodeIsLost() {
    ACluster cluster = ACluster.of(2).joins("g1", 2).joins("g2", 2);
    cluster.submits(A, AJob.of(2).procs(2));
    assertThat(cluster.gang()).isEqualTo(nodes("g1", "g2"));
    cluster.runs(A);

    cluster.silent("g1");

    assertThat(cluster.phase()).isEqualTo(JobPhase.QUEUED);
  }

  @Test
  void aJobWaitsForBusyGpusRatherThanRunOnCpus() {
    ACluster cluster = ACluster.of(1).joins("g1", 2);
    cluster.submits(A, AJob.of(1).autoProcs());

    cluster.submits(B, AJob.of(1).autoProcs());

    assertThat(cluster.job(B).phase()).isEqualTo(JobPhase.QUEUED);
    assertThat(cluster.job(B).reason().message()).contains("g1 held by a");
  }

  @Test
  void listedDevicesMustBeThere() {
    ACluster cluster = ACluster.of(0).joins("g1", 4).joins("g2", 8);

    cluster.submits(A, AJob.of(1).devices(4, 5));

    assertThat(cluster.gang()).isEqualTo(nodes("g2"));
    assertThat(cluster.job().procsPerNode()).isEqualTo(2);
  }

  @Test
  void anotherJobsNodeIsFreeOnlyWhenItsGroupIsProvenGone() {
    ACluster cluster = aRunningJob(1);
    cluster.submits(B, AJob.of(1));
    cluster.cancels(A, Duration.ZERO);
    cluster.exits("n1", Exit.unproven());
    assertThat(cluster.job(B).phase()).isEqualTo(JobPhase.QUEUED);

    cluster.exits("n1", Exit.stopped());

    assertThat(cluster.phase()).isEqualTo(JobPhase.CANCELED);
    assertThat(cluster.job(B).phase()).isEqualTo(JobPhase.PREPARING);
  }

  @Test
  void aLostNodeIsFreeForOthersAfterTheWaitOnly() {
    ACluster cluster = aRunningJob(1, AJob.of(1), 1);
    cluster.cancels(A, Duration.ZERO);
    cluster.silent("n1");
    cluster.after(
        Lease.overAfter(Duration.ofSeconds(6)).minus(ACluster.SINCE_DEATH).minusMillis(1));
    assertThat(cluster.phase()).isEqualTo(JobPhase.STOPPING);

    Decision decision = cluster.after(Duration.ofMillis(1));

    assertThat(events(decision, ClusterEvent.GroupGone.class)).hasSize(1);
    assertThat(cluster.phase()).isEqualTo(JobPhase.CANCELED);
    assertThat(cluster.health("n1")).isEqualTo(NodeHealth.LOST);
    assertThat(cluster.state.node(node("n1")).orElseThrow().isPlaceable()).isFalse();
  }

  @Test
  void theJobThatEndedLastIsNotTheOneForgotten() {
    ACluster cluster = aRunningJob(1, AJob.of(1), 2);
    for (int i = 0; i < ClusterState.MAX_ENDED_JOBS; i++) {
      var id = new JobId("short-" + i);
      cluster.now = cluster.now.plusMillis(1);
      cluster.submits(id, AJob.of(5));
      cluster.cancels(id, Duration.ZERO);
    }
    cluster.now = cluster.now.plusMillis(1);

    cluster.exits("n1", Exit.zero());
    cluster.tick();

    assertThat(cluster.phase()).isEqualTo(JobPhase.SUCCEEDED);
    assertThat(cluster.state.job(new JobId("short-0"))).isEmpty();
  }

  @Test
  void submittingTheSameJobAgainIsTheSameJob() {
    ACluster cluster = ACluster.of(1);
    cluster.submits(A, AJob.of(1));

    Decision same = cluster.submits(A, AJob.of(1));
    Decision other = cluster.submits(A, AJob.of(2));

    assertThat(same.reason().code()).isEqualTo(ReasonCode.ALREADY_QUEUED);
    assertThat(same.refused()).isFalse();
    assertThat(other.reason().code()).isEqualTo(ReasonCode.CONFLICT);
    assertThat(other.refused()).isTrue();
  }

  @Test
  void aNodeWhoseAgentCannotStoreIsNotPlacedUntilItCan() {
    ACluster cluster = ACluster.of(2);
    Reason full = Reason.of(ReasonCode.DISK_FULL, "n1 cannot write /var/lib/lockstep");
    cluster.when(new ClusterInput.NodeTrouble(ACluster.node("n1"), Optional.of(full)));
    cluster.submits(A, AJob.of(2));
    assertThat(cluster.phase()).isEqualTo(JobPhase.QUEUED);
    assertThat(cluster.job().reason().message()).contains("n1 troubled (DISK_FULL)");
    assertThat(cluster.health("n1")).isEqualTo(NodeHealth.TROUBLED);
    assertThat(cluster.state.node(ACluster.node("n1")).orElseThrow().reason()).isEqualTo(full);

    cluster.when(new ClusterInput.NodeTrouble(ACluster.node("n1"), Optional.empty()));

    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
    assertThat(cluster.health("n1")).isEqualTo(NodeHealth.READY);
  }

  @Test
  void whatRunsOnATroubledNodeRunsOnAndItsEndMovesTheJobElsewhere() {
    ACluster cluster = ACluster.aRunningJob(2, AJob.of(2), 3);
    Reason full = Reason.of(ReasonCode.DISK_FULL, "full");
    cluster.when(new ClusterInput.NodeTrouble(ACluster.node("n2"), Optional.of(full)));
    assertThat(cluster.phase()).isEqualTo(JobPhase.RUNNING);

    cluster.exits("n2", Exit.killed(1));

    assertThat(cluster.gang()).isEqualTo(ACluster.nodes("n1", "n3"));
  }

  @Test
  void aBatchThatDoesNotFitTheGangEndsTheJobAndTheNextIsPlaced() {
    var machine =
        new ClusterMachine(
            ACluster.SUSPECT_WAIT,
            (json, worldSize) -> worldSize == 4 ? List.of() : List.of("no batch for " + worldSize),
            QuarantinePolicy.DEFAULT,
            FailureRules.NONE);
    ACluster cluster = ACluster.of(0);
    cluster.joins("n1", 2).joins("n2", 2);
    AJob misfit = AJob.of(1).autoProcs().zero(0, Optional.of("{}"));
    ClusterState state = cluster.state;
    for (ClusterInput submit :
        List.of(
            new ClusterInput.Submit(A, misfit.spec()),
            new ClusterInput.Submit(B, AJob.of(2).autoProcs().zero(0, Optional.of("{}")).spec()))) {
      Decision decision = machine.decide(state, submit, cluster.now);
      state = CoreInvariants.check(state, submit, decision, cluster.now);
    }

    Job ended = state.job(A).orElseThrow();
    assertThat(ended.phase()).isEqualTo(JobPhase.FAILED);
    assertThat(ended.reason().code()).isEqualTo(ReasonCode.ZERO_CONFIG_INVALID);
    assertThat(ended.reason().message()).contains("1 nodes of 2 workers", "no batch for 2");
    assertThat(ended.exitCode()).contains(Exits.REFUSED);
    assertThat(state.job(B).orElseThrow().phase()).isEqualTo(JobPhase.PREPARING);
  }

  @Test
  void aStageIsTheSameWishWhateverFileIsShippedForIt() {
    ACluster cluster = ACluster.of(1);
    cluster.submits(A, AJob.of(1).zero(2, Optional.of("{\"of\": \"this release\"}")));
    assertThat(cluster.job().spec().zero().orElseThrow().json()).isPresent();

    Decision again = cluster.submits(A, AJob.of(1).zero(2, Optional.of("{\"of\": \"the next\"}")));
    Decision other = cluster.submits(A, AJob.of(1).zero(3, Optional.of("{}")));

    assertThat(again.reason().code()).isEqualTo(ReasonCode.ALREADY_QUEUED);
    assertThat(other.reason().code()).isEqualTo(ReasonCode.CONFLICT);
    assertThat(cluster.job().spec().zero().orElseThrow().json().orElseThrow()).contains("this");
  }

  @Test
  void aLostSpareIsMadeUpForAndOneThatJoinsLateIsTaken() {
    ACluster cluster = ACluster.aRunningJob(2, AJob.of(2).spares(1), 2);
    assertThat(cluster.job().spares()).isEmpty();

    Decision joined = cluster.when(ACluster.hello(node("n3"), "disk-n3", "boot-1", 0));
    assertThat(events(joined, ClusterEvent.SparesChanged.class)).hasSize(1);
    assertThat(cluster.job().spares()).isEqualTo(nodes("n3"));
    cluster.joins("n4", 0);
    assertThat(cluster.job().spares()).isEqualTo(nodes("n3"));

    cluster.silent("n3");
    cluster.tick();
    assertThat(cluster.job().spares()).isEqualTo(nodes("n4"));
    assertThat(cluster.phase()).isEqualTo(JobPhase.RUNNING);

    cluster.when(helloAgain("n3"));
    assertThat(cluster.job().spares()).isEqualTo(nodes("n4"));
    cluster.exits("n2", Exit.killed(1));
    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n2"));
  }

  @Test
  void aSpareLostWhileTheGangPreparesIsMadeUpForAndDoesNotDisturbIt() {
    ACluster cluster = ACluster.aPreparingJob(2, AJob.of(2).spares(1), 4);
    assertThat(cluster.job().spares()).isEqualTo(nodes("n3"));

    cluster.silent("n3");
    cluster.tick();

    assertThat(cluster.job().spares()).isEqualTo(nodes("n4"));
    assertThat(cluster.attempt()).isEqualTo(1);
    cluster.runs(A);
  }

  @Test
  void aJobThatWaitsForNodesIsNotKeptOffThemByAWishForSpares() {
    ACluster cluster = ACluster.aRunningJob(2, AJob.of(2).spares(1), 2);
    cluster.submits(B, AJob.of(2));

    cluster.joins("n3", 0);
    assertThat(cluster.job().spares()).isEmpty();
    cluster.joins("n4", 0);

    assertThat(cluster.job(B).phase()).isEqualTo(JobPhase.PREPARING);
    assertThat(cluster.job().spares()).isEmpty();
  }
}
