package io.lockstep.coordinator.core;

import static io.lockstep.coordinator.core.ACluster.A;
import static io.lockstep.coordinator.core.ACluster.B;
import static io.lockstep.coordinator.core.ACluster.C;
import static io.lockstep.coordinator.core.ACluster.aRunningJob;
import static io.lockstep.coordinator.core.ACluster.events;
import static io.lockstep.coordinator.core.ACluster.nodes;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Who waits, for what, for how long, and who may pass. */
class WaitingLineTest {
  private static final Duration MINUTE = Duration.ofMinutes(1);

  // hold and release

  @Test
  void aHeldJobIsNotPlacedUntilItIsReleased() {
    ACluster cluster = ACluster.of(2);

    Decision held = cluster.submitsHeld(A, AJob.of(2));
    cluster.after(MINUTE);

    assertThat(held.reason().code()).isEqualTo(ReasonCode.HELD);
    assertThat(cluster.phase()).isEqualTo(JobPhase.QUEUED);
    assertThat(cluster.job().reason().code()).isEqualTo(ReasonCode.HELD);

    cluster.releases(A);
    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
  }

  @Test
  void aHeldJobBlocksNobodyAndKeepsItsPlaceInTheLine() {
    ACluster cluster = aRunningJob(2);
    cluster.submitsHeld(B, AJob.of(2));
    cluster.submits(C, AJob.of(2));

    cluster.releases(B);
    cluster.exits("n1", Exit.zero());
    cluster.exits("n2", Exit.zero());

    assertThat(cluster.job(B).phase()).isEqualTo(JobPhase.PREPARING);
    assertThat(cluster.job(C).phase()).isEqualTo(JobPhase.QUEUED);
  }

  @Test
  void releasingTwiceIsReleasingOnce() {
    ACluster cluster = ACluster.of(1);
    cluster.submitsHeld(A, AJob.of(2));
    cluster.releases(A);

    Decision again = cluster.releases(A);

    assertThat(again.refused()).isFalse();
    assertThat(again.events()).isEmpty();
    assertThat(again.reason().message()).isEqualTo("a is not held");
  }

  @Test
  void aHeldJobCanBeCanceled() {
    ACluster cluster = ACluster.of(1);
    cluster.submitsHeld(A, AJob.of(1));

    cluster.cancels(A, Duration.ZERO);

    assertThat(cluster.phase()).isEqualTo(JobPhase.CANCELED);
    assertThat(cluster.releases(A).reason().code()).isEqualTo(ReasonCode.TERMINAL);
  }

  @Test
  void onlyAKnownJobIsReleased() {
    assertThat(ACluster.of(1).releases(A).reason().code()).isEqualTo(ReasonCode.UNKNOWN_JOB);
  }

  @Test
  void aHoldOutlivesTheCoordinator() {
    ACluster cluster = ACluster.of(1);
    cluster.submitsHeld(A, AJob.of(1));

    cluster.takesOver();

    assertThat(cluster.phase()).isEqualTo(JobPhase.QUEUED);
  }

  // the deadline

  @Test
  void aJobThatWaitedTooLongFailsAndSaysWhatItWaitedFor() {
    ACluster cluster = aRunningJob(2);
    cluster.submits(B, AJob.of(3).placedWithin(MINUTE));
    cluster.after(MINUTE.minusMillis(1));
    assertThat(cluster.job(B).phase()).isEqualTo(JobPhase.QUEUED);

    cluster.after(Duration.ofMillis(1));

    assertThat(cluster.job(B).phase()).isEqualTo(JobPhase.FAILED);
    assertThat(cluster.job(B).exitCode()).contains(Exits.INFRASTRUCTURE);
    assertThat(cluster.job(B).reason().code()).isEqualTo(ReasonCode.PLACE_TIMEOUT);
    assertThat(cluster.job(B).reason().message())
        .contains("within 60 s", "needs 3 free nodes", "n1 held by a", "n2 held by a");
    assertThat(cluster.phase()).isEqualTo(JobPhase.RUNNING);
  }

  @Test
  void whereItWouldFitInTheLastMomentItIsPlaced() {
    ACluster cluster = ACluster.of(1);
    cluster.submits(A, AJob.of(2).placedWithin(MINUTE));
    cluster.now = cluster.now.plus(MINUTE);

    cluster.joins("n2", 0);
    cluster.tick();

    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
  }

  @Test
  void withoutADeadlineAJobWaitsWithoutEnd() {
    ACluster cluster = ACluster.of(1);
    cluster.submits(A, AJob.of(2));

    cluster.after(Duration.ofDays(300));

    assertThat(cluster.phase()).isEqualTo(JobPhase.QUEUED);
  }

  @Test
  void theTimeOfAHoldDoesNotCount() {
    ACluster cluster = ACluster.of(1);
    cluster.submitsHeld(A, AJob.of(2).placedWithin(MINUTE));
    cluster.after(Duration.ofDays(1));

    cluster.releases(A);
    cluster.after(MINUTE.minusMillis(1));
    assertThat(cluster.phase()).isEqualTo(JobPhase.QUEUED);

    cluster.after(Duration.ofMillis(1));
    assertThat(cluster.phase()).isEqualTo(JobPhase.FAILED);
  }

  @Test
  void aRestartThatFindsNoNodesWaitsItsWholeTimeAgain() {
    ACluster cluster = ACluster.of(2);
    cluster.submits(A, AJob.of(2).placedWithin(MINUTE));
    cluster.runs(A);
    cluster.after(Duration.ofHours(1));
    cluster.silent("n2");
    assertThat(cluster.phase()).isEqualTo(JobPhase.QUEUED);

    cluster.after(MINUTE.minusSeconds(1));
    assertThat(cluster.phase()).isEqualTo(JobPhase.QUEUED);
    cluster.after(Duration.ofSeconds(1));

    assertThat(cluster.phase()).isEqualTo(JobPhase.STOPPING);
    assertThat(cluster.job().reason().code()).isEqualTo(ReasonCode.PLACE_TIMEOUT);
    cluster.exits("n1", Exit.stopped());
    cluster.after(ACluster.LOST_WAIT);
    assertThat(cluster.phase()).isEqualTo(JobPhase.FAILED);
  }

  @Test
  void aBackoffIsNoWaitForNodes() {
    var slow = Duration.ofMinutes(2);
    ACluster cluster = ACluster.of(2);
    cluster.submits(A, AJob.of(2).restart(5, Duration.ofHours(1), slow, slow).placedWithin(MINUTE));
    cluster.runs(A);
    cluster.exits("n2", Exit.killed(1));

    cluster.after(slow);

    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
  }

  @Test
  void theEndOfOneWaitMakesRoomForTheNext() {
    ACluster cluster = aRunningJob(1, AJob.of(1), 2);
    cluster.submits(B, AJob.of(2).placedWithin(MINUTE));
    cluster.submits(C, AJob.of(1));
    assertThat(cluster.job(C).phase()).isEqualTo(JobPhase.QUEUED);

    Decision decision = cluster.after(MINUTE);

    assertThat(events(decision, ClusterEvent.JobEnded.class)).hasSize(1);
    assertThat(cluster.gang(C)).isEqualTo(nodes("n2"));
  }

  // passing

  @Test
  void aSmallJobPassesOnNodesThatTheBigOneCannotUse() {
    ACluster cluster = ACluster.of(1).joins("g1", 8).joins("g2", 8).joins("g3", 2);
    cluster.submits(A, AJob.of(1).procs(8));
    cluster.submits(B, AJob.of(2).procs(8));
    assertThat(cluster.job(B).phase()).isEqualTo(JobPhase.QUEUED);

    cluster.submits(C, AJob.of(1).procs(2));

    assertThat(cluster.gang(C)).as("2 GPUs are too few for b").isEqualTo(nodes("g3"));
  }

  @Test
  void aSmallJobDoesNotPassOnANodeThatTheBigOneCouldUse() {
    ACluster cluster = ACluster.of(0).joins("g1", 8).joins("g2", 8);
    cluster.submits(A, AJob.of(1).procs(8));
    cluster.submits(B, AJob.of(2).procs(8));

    cluster.submits(C, AJob.of(1).procs(2));

    assertThat(cluster.job(C).phase()).isEqualTo(JobPhase.QUEUED);
    assertThat(cluster.job(C).reason().message()).contains("g1 held by a", "g2 kept for b");
  }

  @Test
  void sparesOfAJobThatPassesAreOfNoUseToTheBigOneEither() {
    ACluster cluster = ACluster.of(0).joins("g1", 8).joins("g2", 8).joins("g3", 2).joins("g4", 2);
    cluster.submits(A, AJob.of(1).procs(8));
    cluster.submits(B, AJob.of(2).procs(8));

    cluster.submits(C, AJob.of(1).procs(2).spares(3));

    assertThat(cluster.gang(C)).isEqualTo(nodes("g3"));
    assertThat(cluster.job(C).spares()).isEqualTo(nodes("g4"));
  }

  @Test
  void aBigJobIsNotDelayedByAnyNumberOfSmallOnes() {
    ACluster cluster = aRunningJob(1, AJob.of(1), 2);
    cluster.submits(B, AJob.of(2));
    for (int i = 0; i < 5; i++) {
      cluster.submits(new JobId("small-" + i), AJob.of(1));
    }

    cluster.exits("n1", Exit.zero());

    assertThat(cluster.job(B).phase()).isEqualTo(JobPhase.PREPARING);
  }

  // before it is submitted

  @Test
  void aPreviewSaysWhereAJobWouldGoAndChangesNothing() {
    ACluster cluster = aRunningJob(1, AJob.of(1), 3);

    Preview preview = cluster.state.preview(B, AJob.of(2).spec(), cluster.now);

    assertThat(preview.table().orElseThrow().nodes()).isEqualTo(nodes("n2", "n3"));
    assertThat(cluster.state.job(B)).isEmpty();
  }

  @Test
  void aPreviewSaysWhyAJobWouldWait() {
    ACluster cluster = aRunningJob(1, AJob.of(1), 2);
    cluster.submits(B, AJob.of(2));

    Preview preview = cluster.state.preview(C, AJob.of(1).spec(), cluster.now);

    assertThat(preview.table()).isEmpty();
    assertThat(preview.verdicts())
        .extracting(NodeVerdict::why)
        .containsExactly("held by a", "kept for b");
  }

  // why

  @Test
  void everyNodeSaysWhyAJobWaits() {
    ACluster cluster = ACluster.of(4);
    cluster.submits(A, AJob.of(1));
    cluster.drains("n2");
    cluster.silent("n3");
    cluster.submits(B, AJob.of(2));
    cluster.submits(C, AJob.of(1));

    assertThat(cluster.state.verdicts(C, cluster.now))
        .extracting(v -> v.node() + " " + v.why())
        .containsExactly("n1 held by a", "n2 draining", "n3 lost", "n4 kept for b");
  }

  @Test
  void whoDoesNotWaitForNodesHasNothingToExplain() {
    ACluster cluster = aRunningJob(1);
    cluster.submitsHeld(B, AJob.of(1));

    assertThat(cluster.state.verdicts(A, cluster.now)).isEmpty();
    assertThat(cluster.state.verdicts(B, cluster.now)).isEmpty();
    assertThat(cluster.state.verdicts(C, cluster.now)).isEmpty();
  }
}
