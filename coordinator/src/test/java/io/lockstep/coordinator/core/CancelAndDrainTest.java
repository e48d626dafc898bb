package io.lockstep.coordinator.core;

import static io.lockstep.coordinator.core.ACluster.A;
import static io.lockstep.coordinator.core.ACluster.LOST_WAIT;
import static io.lockstep.coordinator.core.ACluster.SECOND;
import static io.lockstep.coordinator.core.ACluster.aPreparingJob;
import static io.lockstep.coordinator.core.ACluster.aRunningJob;
import static io.lockstep.coordinator.core.ACluster.actions;
import static io.lockstep.coordinator.core.ACluster.events;
import static io.lockstep.coordinator.core.ACluster.nodes;
import static io.lockstep.coordinator.core.ACluster.told;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.FailureCause;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class CancelAndDrainTest {
  private static final Duration GRACE = Duration.ofSeconds(30);

  // cancel

  @Test
  void aQueuedJobIsCanceledAtOnce() {
    ACluster cluster = ACluster.of(1);
    cluster.submits(A, AJob.of(2));

    cluster.cancels(A, GRACE);

    assertThat(cluster.phase()).isEqualTo(JobPhase.CANCELED);
    assertThat(cluster.job().exitCode()).contains(Exits.CANCELED);
  }

  @Test
  void aPreparingJobIsCanceledWhenNoNodeCanStartItAnyMore() {
    ACluster cluster = aPreparingJob(2, AJob.of(2), 2);

    Decision decision = cluster.cancels(A, GRACE);
    assertThat(told(decision, ClusterAction.Stop.class)).isEqualTo(nodes("n1", "n2"));
    cluster.exits("n1", Exit.neverStarted(ReasonCode.FINISHING));
    assertThat(cluster.phase()).isEqualTo(JobPhase.STOPPING);
    cluster.exits("n2", Exit.neverStarted(ReasonCode.FINISHING));

    assertThat(cluster.phase()).isEqualTo(JobPhase.CANCELED);
  }

  @Test
  void aRunningJobIsCanceledWithGraceAndWhenItsGroupsAreGone() {
    ACluster cluster = aRunningJob(2);

    Decision decision = cluster.cancels(A, GRACE);
    assertThat(actions(decision, ClusterAction.Stop.class)).allMatch(s -> s.grace().equals(GRACE));
    cluster.exits("n1", Exit.stopped());
    Decision repeated = cluster.after(SECOND);
    assertThat(told(repeated, ClusterAction.Stop.class)).isEqualTo(nodes("n2"));
    cluster.exits("n2", Exit.unproven());
    assertThat(cluster.phase()).isEqualTo(JobPhase.STOPPING);
    Decision last = cluster.exits("n2", Exit.stopped());

    assertThat(events(last, ClusterEvent.JobEnded.class)).hasSize(1);
    assertThat(cluster.phase()).isEqualTo(JobPhase.CANCELED);
    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.CANCELED);
  }

  @Test
  void aJobInItsBackoffIsCanceledWhenItsOldGroupsAreGone() {
    ACluster cluster = ACluster.aJobInBackoff();

    cluster.cancels(A, GRACE);
    assertThat(cluster.phase()).isEqualTo(JobPhase.STOPPING);
    cluster.exits("n1", Exit.stopped());

    assertThat(cluster.phase()).isEqualTo(JobPhase.CANCELED);
    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.WORKER_KILLED);
  }

  @Test
  void aSecondCancelMayOnlyShortenTheGrace() {
    ACluster cluster = aRunningJob(2);
    cluster.cancels(A, GRACE);

    Decision longer = cluster.cancels(A, GRACE.multipliedBy(2));
    assertThat(longer.events()).isEmpty();
    assertThat(longer.reason().code()).isEqualTo(ReasonCode.CANCELING);
    assertThat(longer.refused()).isFalse();

    Decision shorter = cluster.cancels(A, Duration.ZERO);
    assertThat(actions(shorter, ClusterAction.Stop.class)).allMatch(s -> s.grace().isZero());
  }

  @Test
  void graceIsWithinBounds() {
    ACluster endless = aRunningJob(1);
    endless.cancels(A, Duration.ofDays(30));
    assertThat(endless.job().grace()).isEqualTo(ClusterMachine.MAX_GRACE);

    ACluster negative = aRunningJob(1);
    negative.cancels(A, Duration.ofSeconds(-5));
    assertThat(negative.job().grace()).isZero();
  }

  @Test
  void aJobThatIsBeingMovedIsCanceledInstead() {
    ACluster cluster = aRunningJob(2, AJob.of(2), 3);
    cluster.drains("n2");

    cluster.cancels(A, SECOND);
    cluster.exits("n1", Exit.stopped());
    cluster.exits("n2", Exit.stopped());

    assertThat(cluster.phase()).isEqualTo(JobPhase.CANCELED);
    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.NODE_DRAINED);
  }

  /** Its leases are revoked: a new grace would let seats grant them again (A19). */
  @Test
  void aGraceThatIsOverDoesNotBeginAnewWithACancel() {
    ACluster cluster = aRunningJob(2, AJob.of(2), 3);
    cluster.drains("n2");
    while (cluster.job().leasedUntil().isPresent()) {
      cluster.after(SECOND);
    }
    Lease lease = cluster.job().open().get(0).lease();

    Decision decision = cluster.cancels(A, SECOND);

    assertThat(events(decision, ClusterEvent.JobStopping.class)).hasSize(1);
    assertThat(actions(decision, ClusterAction.Stop.class))
        .hasSize(2)
        .allMatch(s -> s.grace().isZero());
    assertThat(cluster.state.standing(lease)).isEqualTo(LeaseStanding.ENDED);
  }

  @Test
  void aJobThatHasFailedStaysFailedWhenItIsCanceledTooLate() {
    ACluster cluster = aRunningJob(2, AJob.of(2).budget(0), 2);
    cluster.exits("n1", Exit.raised(0, "ValueError"));

    Decision decision = cluster.cancels(A, GRACE);
    assertThat(decision.events()).isEmpty();
    cluster.exits("n2", Exit.stopped());

    assertThat(cluster.phase()).isEqualTo(JobPhase.FAILED);
    assertThat(cluster.job().exitCode()).contains(Exits.SCRIPT_FAILED);
  }

  @Test
  void whatIsFinalOrUnknownCannotBeCanceled() {
    ACluster cluster = aRunningJob(1);
    cluster.exits("n1", Exit.zero());

    assertThat(cluster.cancels(A, GRACE).reason().code()).isEqualTo(ReasonCode.TERMINAL);
    assertThat(cluster.cancels(new JobId("x"), GRACE).reason().code())
        .isEqualTo(ReasonCode.UNKNOWN_JOB);
  }

  @Test
  void aLostNodeDelaysTheEndOfACanceledJobByTheWait() {
    ACluster cluster = aRunningJob(2);
    cluster.cancels(A, GRACE);
    cluster.exits("n1", Exit.stopped());

    cluster.silent("n2");
    assertThat(cluster.phase()).isEqualTo(JobPhase.STOPPING);
    cluster.after(LOST_WAIT);

    assertThat(cluster.phase()).isEqualTo(JobPhase.CANCELED);
  }

  // drain

  @Test
  void aDrainedNodesGangStopsWithGraceAndMoves() {
    ACluster cluster = aRunningJob(2, AJob.of(2).onStop(Duration.ZERO), 3);

    Decision decision = cluster.drains("n1");
    assertThat(decision.reason().code()).isEqualTo(ReasonCode.DRAINING);
    assertThat(actions(decision, ClusterAction.Stop.class))
        .hasSize(2)
        .allMatch(s -> s.grace().equals(JobMachine.DRAIN_GRACE) && s.saveWithin().isEmpty());
    cluster.exits("n1", Exit.stopped());
    Decision moved = cluster.exits("n2", Exit.stopped());

    assertThat(events(moved, ClusterEvent.JobRequeued.class)).hasSize(1);
    assertThat(cluster.gang()).isEqualTo(nodes("n3", "n2"));
    assertThat(cluster.health("n1")).isEqualTo(NodeHealth.DRAINING);
  }

  @Test
  void aDrainAsksForACheckpointFirst() {
    ACluster cluster = aRunningJob(2, AJob.of(2), 3);

    Decision decision = cluster.drains("n1");

    Duration limit = JobSpec.Checkpoint.ON_STOP;
    assertThat(actions(decision, ClusterAction.Stop.class))
        .hasSize(2)
        .allMatch(s -> s.saveWithin().equals(Optional.of(limit)))
        .allMatch(s -> s.grace().equals(limit.plus(JobMachine.DRAIN_GRACE)));
    assertThat(cluster.job().reason().message()).contains("after a checkpoint within 10m");
    assertThat(cluster.job().leasedUntil())
        .as("its lease is renewed for as long")
        .contains(
            cluster.now.plus(limit).plus(JobMachine.DRAIN_GRACE).plus(ClusterEvent.KILL_TIME));
    Decision again = cluster.takesOver();
    assertThat(actions(again, ClusterAction.Stop.class))
        .as("said again by a new coordinator")
        .hasSize(2)
        .allMatch(s -> s.saveWithin().equals(Optional.of(limit)));
    cluster.exits("n1", Exit.stopped());
    cluster.exits("n2", Exit.stopped());
    assertThat(cluster.gang()).isEqualTo(nodes("n3", "n2"));
    assertThat(cluster.job().counted()).isZero();
  }

  @Test
  void aCancelDuringTheWaitForACheckpointEndsIt() {
    ACluster cluster = aRunningJob(2, AJob.of(2), 3);
    cluster.drains("n1");

    Decision decision = cluster.cancels(A, GRACE);

    assertThat(actions(decision, ClusterAction.Stop.class))
        .hasSize(2)
        .allMatch(s -> s.saveWithin().isEmpty() && s.grace().equals(GRACE));
  }

  @Test
  void aCancelSavesFirstOnlyWhenItIsAsked() {
    ACluster cluster = aRunningJob(1, AJob.of(1).onStop(Duration.ofMinutes(2)), 1);

    Decision decision = cluster.when(new ClusterInput.Cancel(A, GRACE, true));

    assertThat(actions(decision, ClusterAction.Stop.class))
        .singleElement()
        .satisfies(
            s -> {
              assertThat(s.saveWithin()).contains(Duration.ofMinutes(2));
              assertThat(s.grace()).isEqualTo(GRACE.plusMinutes(2));
            });
    assertThat(actions(cluster.cancels(A, GRACE), ClusterAction.Stop.class))
        .as("a plain cancel is sooner")
        .allMatch(s -> s.saveWithin().isEmpty());
  }

  @Test
  void whatKeepsNoCheckpointsOrDoesNotRunIsNotAskedForOne() {
    ACluster without = aRunningJob(1, AJob.of(1).withoutCheckpoints(), 1);
    assertThat(
            actions(
                without.when(new ClusterInput.Cancel(A, GRACE, true)), ClusterAction.Stop.class))
        .allMatch(s -> s.saveWithin().isEmpty() && s.grace().equals(GRACE));

    ACluster preparing = aPreparingJob(1, AJob.of(1), 1);
    assertThat(
            actions(
                preparing.when(new ClusterInput.Cancel(A, GRACE, true)), ClusterAction.Stop.class))
        .isNotEmpty()
        .allMatch(s -> s.saveWithin().isEmpty());
  }

  @Test
  void aPreparingOrStartingGangMovesToo() {
    ACluster preparing = aPreparingJob(2, AJob.of(2), 3);
    preparing.drains("n1");
    preparing.exits("n1", Exit.neverStarted(ReasonCode.FINISHING));
    preparing.exits("n2", Exit.neverStarted(ReasonCode.FINISHING));
    assertThat(preparing.gang()).isEqualTo(nodes("n3", "n2"));

    ACluster starting = aPreparingJob(2, AJob.of(2), 3);
    starting.prepares(A);
    starting.drains("n1");
    starting.exits("n1", Exit.stopped());
    starting.exits("n2", Exit.stopped());
    assertThat(starting.gang()).isEqualTo(nodes("n3", "n2"));
  }

  @Test
  void drainingTheLastFittingNodeMakesTheJobWaitForIt() {
    ACluster cluster = aRunningJob(2);
    cluster.drains("n2");
    cluster.exits("n1", Exit.stopped());
    cluster.exits("n2", Exit.stopped());
    assertThat(cluster.phase()).isEqualTo(JobPhase.QUEUED);
    assertThat(cluster.job().reason().code()).isEqualTo(ReasonCode.WAITING_FOR_NODES);

    Decision decision = cluster.resumes("n2");

    assertThat(decision.reason().code()).isEqualTo(ReasonCode.NODE_READY);
    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n2"));
  }

  @Test
  void drainingASpareOrAFreeNodeStopsNothing() {
    ACluster cluster = aRunningJob(2, AJob.of(2).spares(1), 4);

    assertThat(cluster.drains("n3").actions()).isEmpty();
    assertThat(cluster.drains("n4").actions()).isEmpty();
    assertThat(cluster.phase()).isEqualTo(JobPhase.RUNNING);

    cluster.silent("n1");
    assertThat(cluster.phase()).as("a drained spare takes no rank").isEqualTo(JobPhase.QUEUED);
  }

  @Test
  void drainingANodeWhoseGroupFinishedStopsNothing() {
    ACluster cluster = aRunningJob(2, AJob.of(2), 3);
    cluster.exits("n2", Exit.zero());

    cluster.drains("n2");

    assertThat(cluster.phase()).isEqualTo(JobPhase.RUNNING);
  }

  @Test
  void drainingOrResumingTwiceIsDoneOnce() {
    ACluster cluster = ACluster.of(1);
    cluster.drains("n1");
    assertThat(cluster.drains("n1").events()).isEmpty();
    cluster.resumes("n1");
    assertThat(cluster.resumes("n1").events()).isEmpty();
    assertThat(cluster.health("n1")).isEqualTo(NodeHealth.READY);
    assertThat(cluster.drains("x").reason().code()).isEqualTo(ReasonCode.UNKNOWN_NODE);
    assertThat(cluster.resumes("x").refused()).isTrue();
  }

  @Test
  void aDrainOutlivesTheLossAndTheReturnOfTheNode() {
    ACluster cluster = ACluster.of(1);
    cluster.drains("n1");
    cluster.silent("n1");
    assertThat(cluster.health("n1")).isEqualTo(NodeHealth.LOST);

    cluster.when(ACluster.helloAgain("n1"));

    assertThat(cluster.health("n1")).isEqualTo(NodeHealth.DRAINING);
  }

  @Test
  void aJobWhoseGroupsHadAllFinishedIsNotMovedButDone() {
    ACluster cluster = aRunningJob(2, AJob.of(2), 3);
    cluster.exits("n1", Exit.zero());
    cluster.drains("n2");
    assertThat(cluster.phase()).isEqualTo(JobPhase.STOPPING);

    cluster.exits("n2", Exit.zero());

    assertThat(cluster.phase()).isEqualTo(JobPhase.SUCCEEDED);
  }
}
