package io.lockstep.coordinator.core;

import static io.lockstep.coordinator.core.ACluster.A;
import static io.lockstep.coordinator.core.ACluster.LOST_WAIT;
import static io.lockstep.coordinator.core.ACluster.SECOND;
import static io.lockstep.coordinator.core.ACluster.aPreparingJob;
import static io.lockstep.coordinator.core.ACluster.aRunningJob;
import static io.lockstep.coordinator.core.ACluster.actions;
import static io.lockstep.coordinator.core.ACluster.events;
import static io.lockstep.coordinator.core.ACluster.node;
import static io.lockstep.coordinator.core.ACluster.nodes;
import static io.lockstep.coordinator.core.ACluster.told;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.FailureCause;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class BarrierTest {
  @Test
  void theGangStartsTogetherWhenTheLastIsPrepared() {
    ACluster cluster = aPreparingJob(3, AJob.of(3), 3);
    cluster.prepared(A, node("n1"));
    Decision second = cluster.prepared(A, node("n2"));
    assertThat(actions(second, ClusterAction.Start.class)).isEmpty();

    Decision last = cluster.prepared(A, node("n3"));

    assertThat(told(last, ClusterAction.Start.class)).isEqualTo(nodes("n1", "n2", "n3"));
    assertThat(events(last, ClusterEvent.AttemptReleased.class)).hasSize(1);
    assertThat(actions(last, ClusterAction.Start.class)).allMatch(s -> s.masterPort() == 29_500);
  }

  @Test
  void prepareIsRepeatedToThoseWhoHaveNotAnswered() {
    ACluster cluster = aPreparingJob(2, AJob.of(2), 2);
    cluster.prepared(A, node("n1"));

    assertThat(told(cluster.after(SECOND), ClusterAction.Prepare.class)).isEqualTo(nodes("n2"));
  }

  @Test
  void startIsRepeatedToThoseWhoHaveNotAnswered() {
    ACluster cluster = aPreparingJob(2, AJob.of(2), 2);
    cluster.prepares(A);
    cluster.when(new ClusterInput.NodeStarted(node("n2"), cluster.fence(A)));

    assertThat(told(cluster.after(SECOND), ClusterAction.Start.class)).isEqualTo(nodes("n1"));
  }

  @Test
  void theLaunchSaysRankTableAndMemory() {
    ACluster cluster = ACluster.of(2);

    Decision decision = cluster.submits(A, AJob.of(2));

    var second = actions(decision, ClusterAction.Prepare.class).get(1).launch();
    assertThat(second.nodeRank()).isEqualTo(1);
    assertThat(second.agentDisk()).isEqualTo("disk-n2");
    assertThat(second.restartCause()).isEmpty();
    assertThat(second.rankTable().nodes()).isEqualTo(nodes("n1", "n2"));
  }

  @Test
  void theNextLaunchSaysWhyThereIsOne() {
    ACluster cluster = aRunningJob(2);

    Decision decision = cluster.exits("n2", Exit.killed(1));

    assertThat(actions(decision, ClusterAction.Prepare.class))
        .allMatch(p -> p.launch().restartCause().equals("WORKER_KILLED"));
  }

  @Test
  void preparedTwiceIsPreparedOnce() {
    ACluster cluster = aPreparingJob(2, AJob.of(2), 2);
    cluster.prepared(A, node("n1"));

    Decision again = cluster.prepared(A, node("n1"));

    assertThat(again.events()).isEmpty();
    assertThat(actions(again, ClusterAction.Acknowledge.class)).hasSize(1);
    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
  }

  @Test
  void preparedAnewWithAnotherPortCounts() {
    ACluster cluster = aPreparingJob(2, AJob.of(2), 2);
    cluster.prepared(A, node("n1"));
    PreparedNode before = cluster.said(node("n1"));
    var other =
        new PreparedNode(
            Optional.of(29_777), before.zeroSha256(), before.scriptSha256(), before.checkpoints());
    cluster.when(new ClusterInput.NodePrepared(node("n1"), cluster.fence(A), other));

    Decision last = cluster.prepared(A, node("n2"));

    assertThat(actions(last, ClusterAction.Start.class)).allMatch(s -> s.masterPort() == 29_777);
  }

  @Test
  void theEventSaysWhetherANodeStartedWarmOrColdAndWhy() {
    ACluster cluster = aPreparingJob(2, AJob.of(2), 2);
    cluster.prepares(A);

    Decision decision =
        cluster.when(
            new ClusterInput.NodeStarted(
                node("n1"), cluster.fence(A), Optional.of("cold: no warm pool is here")));

    assertThat(decision.events().get(0).reason().message())
        .isEqualTo("n1 has started, cold: no warm pool is here");
  }

  @Test
  void startedTwiceIsStartedOnce() {
    ACluster cluster = aPreparingJob(2, AJob.of(2), 2);
    cluster.prepares(A);
    var started = new ClusterInput.NodeStarted(node("n1"), cluster.fence(A));
    cluster.when(started);

    assertThat(cluster.when(started).events()).isEmpty();
    assertThat(cluster.phase()).isEqualTo(JobPhase.STARTING);
  }

  @Test
  void reportsOfAnotherAttemptAreIgnoredAndAcknowledged() {
    ACluster cluster = aRunningJob(2);
    Fence old = cluster.fence(A);
    cluster.exits("n2", Exit.killed(1));

    Decision stale =
        cluster.when(new ClusterInput.NodePrepared(node("n1"), old, cluster.said(node("n1"))));
    Decision started = cluster.when(new ClusterInput.NodeStarted(node("n1"), old));

    assertThat(stale.reason().code()).isEqualTo(ReasonCode.STALE);
    assertThat(stale.events()).isEmpty();
    assertThat(actions(stale, ClusterAction.Acknowledge.class)).hasSize(1);
    assertThat(started.reason().code()).isEqualTo(ReasonCode.STALE);
  }

  @Test
  void aStrangerDoesNotCountForTheBarrier() {
    ACluster cluster = aPreparingJob(2, AJob.of(2), 3);
    cluster.prepared(A, node("n1"));

    Decision stranger = cluster.prepared(A, node("n3"));

    assertThat(stranger.events()).isEmpty();
    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
  }

  @Test
  void aReportOfAJobThatNobodyKnowsIsAcknowledged() {
    ACluster cluster = ACluster.of(1);

    Decision decision =
        cluster.exits("n1", new Fence(3, new JobId("x"), Attempt.FIRST), Exit.zero());

    assertThat(decision.events()).isEmpty();
    assertThat(actions(decision, ClusterAction.Acknowledge.class)).hasSize(1);
  }

  // refusals

  @ParameterizedTest
  @EnumSource(
      value = ReasonCode.class,
      names = {
        "SCRIPT_MISSING",
        "WORKDIR_MISSING",
        "PYTHON_MISSING",
        "PATH_MISSING",
        "CHECKPOINT_DIR_UNWRITABLE",
        "ZERO_CONFIG_INVALID",
        "ZERO_AUTO_WITHOUT_HF",
        "NOT_ENOUGH_DEVICES"
      })
  void whatIsTheJobsFaultEndsIt(ReasonCode code) {
    ACluster cluster = aPreparingJob(2, AJob.of(2), 3);

    Decision decision = rejects(cluster, code);
    assertThat(cluster.phase()).isEqualTo(JobPhase.STOPPING);
    assertThat(told(decision, ClusterAction.Stop.class)).isEqualTo(nodes("n1", "n2"));
    cluster.exits("n1", Exit.neverStarted(ReasonCode.FINISHING));
    cluster.exits("n2", Exit.neverStarted(ReasonCode.FINISHING));

    assertThat(cluster.phase()).isEqualTo(JobPhase.FAILED);
    assertThat(cluster.job().reason().code()).isEqualTo(code);
    assertThat(cluster.job().exitCode()).contains(Exits.REFUSED);
  }

  @ParameterizedTest
  @EnumSource(
      value = ReasonCode.class,
      names = {"DISK_FULL", "NO_FREE_PORT", "OLD_GROUP_WILL_NOT_END", "INTERNAL"})
  void whatMayPassIsTriedAgainAndCounted(ReasonCode code) {
    ACluster cluster = aPreparingJob(2, AJob.of(2), 2);

    rejects(cluster, code);

    assertThat(cluster.attempt()).isEqualTo(2);
    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.PREPARE_REJECTED);
    assertThat(cluster.job().counted()).isEqualTo(1);
  }

  @Test
  void whatTrainedIsNotEndedByANodeThatLacksSomethingAndAnotherNodeTakesItsPlace() {
    ACluster cluster = aRunningJob(2, AJob.of(2), 4);
    cluster.silent("n2");
    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n3"));

    rejects(cluster, "n3", ReasonCode.SCRIPT_MISSING);

    assertThat(cluster.causeOf(2).code()).isEqualTo(FailureCause.PREPARE_REJECTED);
    assertThat(cluster.causeOf(2).message()).contains("SCRIPT_MISSING");
    assertThat(cluster.job().counted()).isEqualTo(2);
    cluster.after(SECOND);
    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n4"));
  }

  @Test
  void whoRefusedIsAskedAgainWhereThereIsNobodyElse() {
    ACluster cluster = aPreparingJob(2, AJob.of(2), 2);

    rejects(cluster, ReasonCode.DISK_FULL);

    assertThat(cluster.attempt()).isEqualTo(2);
    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n2"));
  }

  @Test
  void anAgentWithAnotherMemoryCostsNoBudget() {
    ACluster cluster = aPreparingJob(2, AJob.of(2), 2);

    rejects(cluster, ReasonCode.STALE);

    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.ABANDONED);
    assertThat(cluster.job().counted()).isZero();
    assertThat(cluster.job().uncounted()).isEqualTo(1);
  }

  @Test
  void whatCostsNoBudgetDoesNotSpinEither() {
    ACluster cluster =
        aPreparingJob(2, AJob.of(2).restart(9, Duration.ofHours(1), Duration.ZERO, SECOND), 2);
    rejects(cluster, ReasonCode.STALE);
    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);

    rejects(cluster, ReasonCode.STALE);

    assertThat(cluster.phase()).isEqualTo(JobPhase.QUEUED);
    cluster.after(SECOND);
    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
  }

  @Test
  void aRefusalRememberedAsAnEndIsARefusal() {
    ACluster cluster = aPreparingJob(2, AJob.of(2), 2);

    cluster.when(
        ACluster.helloAgain(
            "n2", ACluster.ended(cluster.fence(A), Exit.neverStarted(ReasonCode.SCRIPT_MISSING))));

    assertThat(cluster.phase()).isEqualTo(JobPhase.STOPPING);
    assertThat(cluster.job().exitCode()).contains(Exits.REFUSED);
  }

  @Test
  void aStaleRefusalIsIgnored() {
    ACluster cluster = aRunningJob(2);

    Decision decision = rejects(cluster, ReasonCode.SCRIPT_MISSING);

    assertThat(decision.events()).isEmpty();
    assertThat(cluster.phase()).isEqualTo(JobPhase.RUNNING);
  }

  private static Decision rejects(ACluster cluster, ReasonCode code) {
    return rejects(cluster, "n2", code);
  }

  private static Decision rejects(ACluster cluster, String name, ReasonCode code) {
    return cluster.when(
        new ClusterInput.NodeRejected(
            node(name), cluster.lastFence(A), Reason.of(code, "so it is")));
  }

  // deadlines

  @Test
  void whoIsNotPreparedInTimeFailsTheAttempt() {
    ACluster cluster = aPreparingJob(2, AJob.of(2), 2);
    cluster.prepared(A, node("n1"));
    cluster.after(Duration.ofSeconds(59));
    assertThat(cluster.attempt()).isEqualTo(1);

    cluster.after(SECOND);

    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.PREPARE_TIMEOUT);
    assertThat(cluster.causeOf(1).node()).contains(node("n2"));
    assertThat(cluster.attempt()).isEqualTo(2);
  }

  @Test
  void whoDoesNotStartInTimeFailsTheAttempt() {
    ACluster cluster = aPreparingJob(2, AJob.of(2), 2);
    cluster.after(Duration.ofSeconds(50));
    cluster.prepares(A);
    cluster.when(new ClusterInput.NodeStarted(node("n1"), cluster.fence(A)));
    cluster.after(Duration.ofSeconds(119));
    assertThat(cluster.attempt()).isEqualTo(1);

    cluster.after(SECOND);

    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.START_TIMEOUT);
    assertThat(cluster.causeOf(1).node()).contains(node("n2"));
  }

  // old groups

  @Test
  void thoseWhoArePreparedWaitForTheOldGroupOnTheLostNode() {
    ACluster cluster = aRunningJob(2, AJob.of(2).spares(1), 3);
    cluster.silent("n2");

    cluster.prepares(A);
    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
    assertThat(cluster.job().reason().code()).isEqualTo(ReasonCode.WAITING_FOR_OLD_GROUPS);
    assertThat(told(cluster.after(SECOND), ClusterAction.Stop.class)).isEqualTo(nodes("n2"));

    Decision decision = cluster.after(LOST_WAIT);
    assertThat(events(decision, ClusterEvent.GroupGone.class)).hasSize(1);
    assertThat(told(decision, ClusterAction.Start.class)).isEqualTo(nodes("n1", "n3"));
  }

  @Test
  void theOldGroupsEndIsEnoughToGoOn() {
    ACluster cluster = aRunningJob(2, AJob.of(2).spares(1), 3);
    Fence old = cluster.fence(A);
    cluster.silent("n2");
    cluster.prepares(A);

    cluster.exits("n2", old, Exit.unproven());
    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
    cluster.exits("n2", old, Exit.stopped());

    assertThat(cluster.phase()).isEqualTo(JobPhase.STARTING);
  }

  @Test
  void theWaitForOldGroupsHasNoPrepareDeadline() {
    ACluster cluster = aRunningJob(2, AJob.of(2).spares(1), 3);
    Fence old = cluster.fence(A);
    cluster.drains("n2");
    cluster.exits("n1", Exit.stopped());
    cluster.exits("n2", Exit.unproven());
    assertThat(cluster.phase()).isEqualTo(JobPhase.STOPPING);
    cluster.after(Duration.ofMinutes(5));
    assertThat(cluster.phase()).isEqualTo(JobPhase.STOPPING);

    cluster.exits("n2", old, Exit.stopped());
    assertThat(cluster.gang()).isEqualTo(nodes("n1", "n3"));
  }

  @Test
  void preparedProvesThatEveryOlderGroupOnThatNodeIsGone() {
    ACluster cluster = aRunningJob(2);
    Fence old = cluster.fence(A);
    cluster.exits("n2", Exit.killed(1));
    assertThat(cluster.job().openOn(node("n1"), old)).isPresent();

    cluster.prepares(A);

    assertThat(cluster.job().openOn(node("n1"), old)).isEmpty();
    assertThat(cluster.phase()).isEqualTo(JobPhase.STARTING);
  }

  @Test
  void aNodeThatFinishedBeforeTheOthersStartedCounts() {
    ACluster cluster = aPreparingJob(2, AJob.of(2), 2);
    cluster.prepares(A);
    cluster.exits("n1", Exit.zero());
    assertThat(cluster.phase()).isEqualTo(JobPhase.STARTING);

    cluster.when(new ClusterInput.NodeStarted(node("n2"), cluster.fence(A)));
    assertThat(cluster.phase()).isEqualTo(JobPhase.RUNNING);
    cluster.exits("n2", Exit.zero());

    assertThat(cluster.phase()).isEqualTo(JobPhase.SUCCEEDED);
    assertThat(cluster.job().exitCode()).contains(Exits.DONE);
  }

  @Test
  void exitZeroWithLeftoversIsFinalOnlyWhenTheyAreGone() {
    ACluster cluster = aRunningJob(2);
    cluster.exits("n1", Exit.zeroWithLeftovers());
    cluster.exits("n2", Exit.zero());
    assertThat(cluster.phase()).isEqualTo(JobPhase.STOPPING);

    cluster.exits("n1", Exit.zero());

    assertThat(cluster.phase()).isEqualTo(JobPhase.SUCCEEDED);
  }

  @Test
  void whoHasFinishedAlreadyIsNotLateForTheStart() {
    ACluster cluster = ACluster.aPreparingJob(2, AJob.of(2), 2);
    cluster.prepares(ACluster.A);
    cluster.exits("n1", Exit.zero());

    cluster.after(Duration.ofSeconds(121));

    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.START_TIMEOUT);
    assertThat(cluster.causeOf(1).node()).contains(ACluster.node("n2"));
  }
}
