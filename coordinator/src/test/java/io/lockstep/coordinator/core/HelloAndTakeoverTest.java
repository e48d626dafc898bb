package io.lockstep.coordinator.core;

import static io.lockstep.coordinator.core.ACluster.A;
import static io.lockstep.coordinator.core.ACluster.LOST_WAIT;
import static io.lockstep.coordinator.core.ACluster.SECOND;
import static io.lockstep.coordinator.core.ACluster.aPreparingJob;
import static io.lockstep.coordinator.core.ACluster.aRunningJob;
import static io.lockstep.coordinator.core.ACluster.actions;
import static io.lockstep.coordinator.core.ACluster.ended;
import static io.lockstep.coordinator.core.ACluster.events;
import static io.lockstep.coordinator.core.ACluster.group;
import static io.lockstep.coordinator.core.ACluster.hello;
import static io.lockstep.coordinator.core.ACluster.helloAgain;
import static io.lockstep.coordinator.core.ACluster.node;
import static io.lockstep.coordinator.core.ACluster.nodes;
import static io.lockstep.coordinator.core.ACluster.told;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.FailureCause;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.GroupStatus;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** What a Hello proves and what it does not; and what a new coordinator finds. */
class HelloAndTakeoverTest {
  private static ClusterInput.NodeHello rebooted(String name) {
    return hello(node(name), "disk-" + name, "boot-2", 0);
  }

  private static ClusterInput.NodeHello forgetful(String name) {
    return hello(node(name), "another-disk", "boot-1", 0);
  }

  @Test
  void aRestartedAgentWithItsRunningGroupDisturbsNothing() {
    ACluster cluster = aRunningJob(2);

    Decision decision =
        cluster.when(helloAgain("n2", group(cluster.fence(A), GroupStatus.Phase.RUNNING)));

    assertThat(decision.events()).isEmpty();
    assertThat(decision.actions()).isEmpty();
    assertThat(decision.reason().code()).isEqualTo(ReasonCode.NOTHING_TO_DO);
  }

  @Test
  void aGroupFoundRunningCountsAsStarted() {
    ACluster cluster = aPreparingJob(2, AJob.of(2), 2);
    cluster.prepares(A);
    cluster.when(new ClusterInput.NodeStarted(node("n1"), cluster.fence(A)));

    cluster.when(helloAgain("n2", group(cluster.fence(A), GroupStatus.Phase.RUNNING)));

    assertThat(cluster.phase()).isEqualTo(JobPhase.RUNNING);
  }

  @Test
  void aJobThatFinishedWhileTheAgentWasAwayIsFinished() {
    ACluster cluster = aRunningJob(2);
    cluster.exits("n1", Exit.zero());

    Decision decision = cluster.when(helloAgain("n2", ended(cluster.fence(A), Exit.zero())));

    assertThat(cluster.phase()).isEqualTo(JobPhase.SUCCEEDED);
    assertThat(actions(decision, ClusterAction.Acknowledge.class)).hasSize(1);
  }

  @Test
  void aFailureFoundInHelloIsAFailure() {
    ACluster cluster = aRunningJob(2);

    cluster.when(helloAgain("n2", ended(cluster.fence(A), Exit.killed(1))));

    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.WORKER_KILLED);
    assertThat(cluster.attempt()).isEqualTo(2);
  }

  @Test
  void anAgentThatLostItsMemoryFailsTheAttemptAndProvesNothing() {
    ACluster cluster = aRunningJob(2, AJob.of(2), 3);
    Fence old = cluster.fence(A);

    Decision decision = cluster.when(forgetful("n2"));

    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.GROUP_GONE);
    assertThat(events(decision, ClusterEvent.GroupGone.class)).isEmpty();
    assertThat(cluster.job().openOn(node("n2"), old)).isPresent();
    assertThat(actions(decision, ClusterAction.Prepare.class).get(1).launch().agentDisk())
        .isEqualTo("another-disk");
  }

  @Test
  void whoForgotWhileItPreparedCostsNoBudget() {
    ACluster cluster = aPreparingJob(2, AJob.of(2), 2);
    cluster.prepared(A, node("n2"));

    cluster.when(forgetful("n2"));

    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.ABANDONED);
    assertThat(cluster.job().counted()).isZero();
    assertThat(cluster.attempt()).isEqualTo(2);
  }

  @Test
  void whatAnAgentForgotIsOverWhenItsLeaseMustBe() {
    ACluster cluster = aRunningJob(1);
    Fence fence = cluster.fence(A);
    cluster.cancels(A, Duration.ZERO);
    cluster.when(forgetful("n1"));

    assertThat(cluster.when(new ClusterInput.NodeKnowsNothing(node("n1"), fence)).events())
        .isEmpty();
    cluster.after(Duration.ofSeconds(6));
    assertThat(cluster.phase()).isEqualTo(JobPhase.STOPPING);

    cluster.after(SECOND);
    assertThat(cluster.phase()).isEqualTo(JobPhase.CANCELED);
  }

  @Test
  void knowingNothingOfARunningGroupIsLeftToTheHello() {
    ACluster cluster = aRunningJob(1);

    Decision decision =
        cluster.when(new ClusterInput.NodeKnowsNothing(node("n1"), cluster.fence(A)));

    assertThat(decision.events()).isEmpty();
  }

  @Test
  void aHostThatBootedAgainWithoutItsGroupFailsTheAttempt() {
    ACluster cluster = aRunningJob(2);

    Decision decision = cluster.when(rebooted("n2"));

    assertThat(events(decision, ClusterEvent.GroupGone.class)).isEmpty();
    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.GROUP_GONE);
    assertThat(cluster.attempt()).isEqualTo(2);
  }

  @Test
  void theWaitForAnOldGroupEndsWhenTheAgentOfTheNextBootSaysSo() {
    ACluster cluster = aRunningJob(2, AJob.of(2).spares(1), 3);
    Fence first = cluster.fence(A);
    cluster.silent("n2");
    cluster.prepares(A);
    cluster.when(rebooted("n2"));
    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);

    cluster.exits("n2", first, Exit.stopped());

    assertThat(cluster.phase()).isEqualTo(JobPhase.STARTING);
  }

  @Test
  void aCanceledJobEndsWithTheLeaseOfAHostThatBootedAgainWithoutItsMemory() {
    ACluster cluster = aRunningJob(2);
    cluster.cancels(A, Duration.ofSeconds(30));
    cluster.exits("n1", Exit.stopped());
    cluster.dies("n2");

    cluster.when(hello(node("n2"), "another-disk", "boot-2", 0));
    assertThat(cluster.phase()).isEqualTo(JobPhase.STOPPING);
    cluster.after(Duration.ofSeconds(60));

    assertThat(cluster.phase()).isEqualTo(JobPhase.CANCELED);
  }

  @Test
  void aGroupThatNobodyWantsIsStopped() {
    ACluster cluster = ACluster.of(1);
    var unknown = new Fence(5, new JobId("of-another-time"), Attempt.FIRST);

    Decision decision = cluster.when(helloAgain("n1", group(unknown, GroupStatus.Phase.RUNNING)));

    assertThat(actions(decision, ClusterAction.Stop.class))
        .singleElement()
        .satisfies(
            stop -> {
              assertThat(stop.fence()).isEqualTo(unknown);
              assertThat(stop.disk()).isEqualTo("disk-n1");
            });
  }

  @Test
  void anEndOfAJobThatNobodyKnowsIsAcknowledged() {
    ACluster cluster = ACluster.of(1);
    var unknown = new Fence(5, new JobId("of-another-time"), Attempt.FIRST);

    Decision decision = cluster.when(helloAgain("n1", ended(unknown, Exit.zero())));

    assertThat(actions(decision, ClusterAction.Acknowledge.class)).hasSize(1);
    assertThat(decision.events()).isEmpty();
  }

  @Test
  void aNodeThatWasLostComesBackAndIsPlaced() {
    ACluster cluster = aRunningJob(2);
    cluster.silent("n2");
    assertThat(cluster.phase()).isEqualTo(JobPhase.QUEUED);
    assertThat(cluster.health("n2")).isEqualTo(NodeHealth.LOST);
    assertThat(cluster.silent("n2").events()).isEmpty();

    Decision decision = cluster.when(helloAgain("n2"));

    assertThat(decision.reason().code()).isEqualTo(ReasonCode.NODE_RETURNED);
    assertThat(cluster.health("n2")).isEqualTo(NodeHealth.READY);
    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n2"));
  }

  @Test
  void aGroupThatComesBackWithItsNodeIsNotGivenUpBlindly() {
    ACluster cluster = aRunningJob(2, AJob.of(2).spares(1), 3);
    Fence old = cluster.fence(A);
    cluster.silent("n2");
    cluster.prepares(A);

    cluster.when(helloAgain("n2", group(old, GroupStatus.Phase.RUNNING)));
    cluster.after(LOST_WAIT);
    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
    assertThat(told(cluster.after(SECOND), ClusterAction.Stop.class)).isEqualTo(nodes("n2"));

    cluster.exits("n2", old, Exit.stopped());
    assertThat(cluster.phase()).isEqualTo(JobPhase.STARTING);
  }

  @Test
  void silenceOfANodeThatHasFinishedFailsNothing() {
    ACluster cluster = aRunningJob(2);
    cluster.exits("n2", Exit.zero());

    cluster.silent("n2");
    assertThat(cluster.phase()).isEqualTo(JobPhase.RUNNING);
    cluster.exits("n1", Exit.zero());

    assertThat(cluster.phase()).isEqualTo(JobPhase.SUCCEEDED);
  }

  // a new coordinator

  @Test
  void anAttemptThatWasNotReleasedIsAbandonedAndCostsNothing() {
    ACluster cluster = aPreparingJob(2, AJob.of(2).budget(0), 2);
    Fence old = cluster.fence(A);
    cluster.prepared(A, node("n1"));

    Decision decision = cluster.takesOver();

    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.ABANDONED);
    assertThat(cluster.attempt()).isEqualTo(2);
    assertThat(cluster.fence(A).supersedes(old)).isTrue();
    assertThat(cluster.job().counted()).isZero();
    assertThat(told(decision, ClusterAction.Prepare.class)).isEqualTo(nodes("n1", "n2"));
  }

  @Test
  void aRunningJobIsLeftAlone() {
    ACluster cluster = aRunningJob(2);

    Decision decision = cluster.takesOver();

    assertThat(decision.events()).isEmpty();
    assertThat(decision.actions()).isEmpty();
  }

  @Test
  void aStartingJobIsToldAgainAndItsDeadlineBeginsAnew() {
    ACluster cluster = aPreparingJob(2, AJob.of(2), 2);
    cluster.prepares(A);
    cluster.now = cluster.now.plusSeconds(500);

    Decision decision = cluster.takesOver();
    cluster.after(SECOND);
    assertThat(told(decision, ClusterAction.Start.class)).isEqualTo(nodes("n1", "n2"));
    assertThat(cluster.attempt()).isEqualTo(1);
    cluster.starts(A);

    assertThat(cluster.phase()).isEqualTo(JobPhase.RUNNING);
  }

  @Test
  void aStoppingJobIsToldAgain() {
    ACluster cluster = aRunningJob(2);
    cluster.cancels(A, Duration.ofSeconds(30));

    Decision decision = cluster.takesOver();

    assertThat(decision.events()).isEmpty();
    assertThat(told(decision, ClusterAction.Stop.class)).isEqualTo(nodes("n1", "n2"));
  }

  @Test
  void aQueuedJobIsPlacedIfItCan() {
    ACluster cluster = ACluster.aJobInBackoff();
    cluster.now = cluster.now.plusSeconds(60);

    cluster.takesOver();

    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
  }
}
