package io.lockstep.coordinator.core;

import static io.lockstep.coordinator.core.ACluster.A;
import static io.lockstep.coordinator.core.ACluster.SECOND;
import static io.lockstep.coordinator.core.ACluster.aRunningJob;
import static io.lockstep.coordinator.core.ACluster.checkpoint;
import static io.lockstep.coordinator.core.ACluster.events;
import static io.lockstep.coordinator.core.ACluster.folder;
import static io.lockstep.coordinator.core.ACluster.nodes;
import static io.lockstep.coordinator.core.ACluster.told;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.FailureCause;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The restart budget, the backoff, and when restarting makes no sense. */
class RestartTest {
  private static final Duration HOUR = Duration.ofHours(1);

  @Test
  void aFailureRestartsTheWholeGang() {
    ACluster cluster = aRunningJob(4);

    Decision decision = cluster.exits("n3", Exit.killed(2));

    assertThat(events(decision, ClusterEvent.AttemptFailed.class)).hasSize(1);
    assertThat(told(decision, ClusterAction.Prepare.class))
        .isEqualTo(nodes("n1", "n2", "n3", "n4"));
    assertThat(cluster.attempt()).isEqualTo(2);
    assertThat(cluster.causeOf(1).rank()).contains(2);
  }

  @Test
  void theBudgetIsSpentAndNoMore() {
    ACluster cluster = aRunningJob(1, AJob.of(1).budget(2), 1);
    failAndRun(cluster, Exit.killed(0));
    failAndRun(cluster, Exit.killed(0));
    assertThat(cluster.job().counted()).isEqualTo(2);

    cluster.exits("n1", Exit.killed(0));

    assertThat(cluster.phase()).isEqualTo(JobPhase.FAILED);
    assertThat(cluster.job().reason().code()).isEqualTo(ReasonCode.RESTART_BUDGET_SPENT);
    assertThat(cluster.job().reason().message()).startsWith("2 counted restarts within 1h are");
    assertThat(cluster.job().exitCode()).contains(Exits.BUDGET_SPENT);
    assertThat(cluster.attempt()).isEqualTo(3);
  }

  @ParameterizedTest
  @CsvSource({"0,0s", "500,500ms", "90000,90s", "900000,15m", "3600000,1h", "172800000,48h"})
  void timesAreWrittenAsInJobFiles(long millis, String text) {
    assertThat(TimeText.of(Duration.ofMillis(millis))).isEqualTo(text);
  }

  @Test
  void theBudgetIsOfASlidingWindow() {
    ACluster cluster = aRunningJob(1, AJob.of(1).budget(2), 1);
    failAndRun(cluster, Exit.killed(0));
    cluster.after(Duration.ofMinutes(40));
    failAndRun(cluster, Exit.killed(0));
    cluster.after(Duration.ofMinutes(21));

    failAndRun(cluster, Exit.killed(0));

    assertThat(cluster.phase()).isEqualTo(JobPhase.RUNNING);
    assertThat(cluster.job().counted()).isEqualTo(3);
    assertThat(cluster.job().countedAt()).hasSize(2);
  }

  @Test
  void whereEachAttemptOfAnEndedJobRanIsKeptWhileTheTablesAreSmall() {
    ACluster cluster = aRunningJob(2, AJob.of(2).budget(2), 2);
    failAndRun(cluster, Exit.killed(0));
    failAndRun(cluster, Exit.killed(0));
    cluster.exits("n1", Exit.killed(0));
    cluster.exits("n2", Exit.stopped());

    assertThat(cluster.phase()).isEqualTo(JobPhase.FAILED);
    assertThat(cluster.job().attempts())
        .hasSize(3)
        .allSatisfy(a -> assertThat(a.table().orElseThrow().nnodes()).isEqualTo(2));
  }

  @Test
  void whereOlderAttemptsOfABigGangRanIsForgotten() {
    int nodes = Job.MAX_TABLE_ENTRIES;
    ACluster cluster = aRunningJob(nodes, AJob.of(nodes).budget(2), nodes);
    failAndRun(cluster, Exit.killed(0));

    assertThat(cluster.job().attempts()).hasSize(2);
    assertThat(cluster.job().attempts().get(0).table()).isEmpty();
    assertThat(cluster.job().attempts().get(0).cause()).isPresent();
    assertThat(cluster.job().attempts().get(1).table()).isPresent();
  }

  @Test
  void withoutBudgetTheFirstFailureIsTheEnd() {
    ACluster killed = aRunningJob(1, AJob.of(1).budget(0), 1);
    killed.exits("n1", Exit.killed(0));
    assertThat(killed.job().exitCode()).contains(Exits.BUDGET_SPENT);

    ACluster raised = aRunningJob(1, AJob.of(1).budget(0), 1);
    raised.exits("n1", Exit.raised(0, "ValueError"));
    assertThat(raised.phase()).isEqualTo(JobPhase.FAILED);
    assertThat(raised.job().exitCode()).contains(Exits.SCRIPT_FAILED);
  }

  @Test
  void aSpentBudgetStopsTheOthersBeforeTheJobIsFinal() {
    ACluster cluster = aRunningJob(2, AJob.of(2).budget(0), 2);

    Decision decision = cluster.exits("n1", Exit.killed(0));
    assertThat(cluster.phase()).isEqualTo(JobPhase.STOPPING);
    assertThat(told(decision, ClusterAction.Stop.class)).isEqualTo(nodes("n2"));
    cluster.exits("n2", Exit.stopped());

    assertThat(cluster.phase()).isEqualTo(JobPhase.FAILED);
    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.WORKER_KILLED);
  }

  @Test
  void operatorsRestartsAreUncounted() {
    ACluster cluster = aRunningJob(2, AJob.of(2).budget(0), 3);

    cluster.drains("n2");
    cluster.exits("n1", Exit.stopped());
    cluster.exits("n2", Exit.stopped());

    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
    assertThat(cluster.job().counted()).isZero();
    assertThat(cluster.job().uncounted()).isEqualTo(1);
    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.NODE_DRAINED);
  }

  @Test
  void aLostRaceForThePortIsUncounted() {
    ACluster cluster = aRunningJob(1, AJob.of(1).budget(0), 1);

    cluster.exits("n1", Exit.portTaken());

    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.PORT_TAKEN);
    assertThat(cluster.job().uncounted()).isEqualTo(1);
  }

  @Test
  void aCheckpointThatChangedBeforeTheStartIsUncounted() {
    ACluster cluster = ACluster.aPreparingJob(1, AJob.of(1).budget(0), 1);
    cluster.prepares(A);

    cluster.exits("n1", Exit.neverStarted(ReasonCode.CHECKPOINT_CHANGED));

    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.CHECKPOINT_CHANGED);
    assertThat(cluster.attempt()).isEqualTo(2);
  }

  @Test
  void theBackoffDoublesUpToItsMost() {
    ACluster cluster =
        aRunningJob(
            1, AJob.of(1).restart(9, HOUR, Duration.ofSeconds(2), Duration.ofSeconds(7)), 1);

    for (int seconds : new int[] {2, 4, 7, 7}) {
      cluster.exits("n1", Exit.killed(0));
      cluster.after(Duration.ofSeconds(seconds).minusMillis(1));
      assertThat(cluster.phase()).as("%d s", seconds).isEqualTo(JobPhase.QUEUED);
      cluster.after(Duration.ofMillis(1));
      cluster.runs(A);
    }
  }

  @Test
  void aBackoffOfZeroIsForTheFirstRestartOnly() {
    ACluster cluster = aRunningJob(1, AJob.of(1).restart(9, HOUR, Duration.ZERO, HOUR), 1);
    failAndRun(cluster, Exit.killed(0));

    cluster.exits("n1", Exit.killed(0));
    assertThat(cluster.phase()).isEqualTo(JobPhase.QUEUED);

    cluster.after(SECOND);
    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
  }

  @Test
  void theGroupsOfAJobInItsBackoffAreStopped() {
    ACluster cluster = ACluster.aJobInBackoff();

    assertThat(told(cluster.after(SECOND), ClusterAction.Stop.class)).isEqualTo(nodes("n1"));
  }

  @Test
  void aScriptThatFailsTwiceAlikeWithoutANewCheckpointHasFailed() {
    ACluster cluster = aTrainedJob(2);
    cluster.exits("n2", Exit.raised(1, "ValueError: no such column"));
    cluster.after(Duration.ofSeconds(30));
    cluster.runs(A);

    cluster.exits("n1", Exit.raised(0, "ValueError: no such column"));
    cluster.exits("n2", Exit.stopped());

    assertThat(cluster.phase()).isEqualTo(JobPhase.FAILED);
    assertThat(cluster.job().reason().code()).isEqualTo(ReasonCode.SCRIPT_FAILED);
    assertThat(cluster.job().exitCode()).contains(Exits.SCRIPT_FAILED);
  }

  @Test
  void theInnocentReportDoesNotHideTheScriptsFailure() {
    ACluster cluster = aTrainedJob(2);
    cluster.exits("n1", Exit.peerLoss(0));
    cluster.exits("n2", Exit.raised(1, "ValueError"));
    cluster.after(Duration.ofSeconds(30));
    cluster.runs(A);
    cluster.exits("n1", Exit.peerLoss(0));

    cluster.exits("n2", Exit.raised(1, "ValueError"));

    assertThat(cluster.job().exitCode()).contains(Exits.SCRIPT_FAILED);
  }

  @Test
  void anotherFailureOrANewCheckpointInBetweenIsTriedAgain() {
    ACluster other = aTrainedJob(1);
    failAndRun(other, Exit.raised(0, "ValueError"));
    failAndRun(other, Exit.raised(0, "KeyError"));
    assertThat(other.attempt()).isEqualTo(4);

    ACluster further = aTrainedJob(2);
    failAndRun(further, Exit.raised(0, "ValueError"));
    further.sees(checkpoint(10));
    further.checkpoints = folder(10);
    failAndRun(further, Exit.raised(0, "ValueError"));
    assertThat(further.attempt()).isEqualTo(4);
  }

  @Test
  void beforeTheFirstStepChanceInTheMessageMakesNoOtherFailure() {
    ACluster cluster = aTrainedJob(1);
    failAndRun(cluster, Exit.raised(0, "KeyError: text in /tmp/cache-4711/train at 0x7f3a"));
    cluster.exits("n1", Exit.raised(0, "KeyError: text in /tmp/cache-99/train at 0x7f3b"));
    assertThat(cluster.job().reason().code()).isEqualTo(ReasonCode.SCRIPT_FAILED);

    ACluster other = aTrainedJob(1);
    failAndRun(other, Exit.raised(0, "KeyError: text"));
    failAndRun(other, Exit.raised(0, "KeyError: label"));
    assertThat(other.attempt()).isEqualTo(4);

    ACluster trained = aRunningJob(1);
    trained.when(new ClusterInput.StepSeen(trained.fence(A), 3));
    failAndRun(trained, Exit.raised(0, "RuntimeError: NaN at step 3"));
    trained.when(new ClusterInput.StepSeen(trained.fence(A), 40));
    failAndRun(trained, Exit.raised(0, "RuntimeError: NaN at step 40"));
    assertThat(trained.attempt()).isEqualTo(3);
  }

  @Test
  void anOldGroupsLateReportDoesNotFailTheNewAttempt() {
    ACluster cluster = aRunningJob(2);
    var old = cluster.fence(A);
    failAndRun(cluster, Exit.killed(0));

    Decision decision = cluster.exits("n2", old, Exit.killed(1));

    assertThat(events(decision, ClusterEvent.AttemptFailed.class)).isEmpty();
    assertThat(events(decision, ClusterEvent.FailureFollowed.class)).hasSize(1);
    assertThat(cluster.phase()).isEqualTo(JobPhase.RUNNING);
  }

  /** One whose first attempt made a step: before that a script's failure is the end. */
  private static ACluster aTrainedJob(int nodes) {
    ACluster cluster = aRunningJob(nodes);
    cluster.when(new ClusterInput.StepSeen(cluster.fence(A), 3));
    failAndRun(cluster, Exit.killed(0));
    return cluster;
  }

  private static void failAndRun(ACluster cluster, ExitReport exit) {
    cluster.exits("n1", exit);
    if (cluster.phase() == JobPhase.QUEUED) {
      cluster.after(Duration.ofSeconds(30));
    }
    cluster.runs(A);
  }

  @Test
  void whatTorchrunWroteLastIsTheCauseWhereNoWorkerSaidAnything() {
    ExitReport silent = Exit.torchrunFailed();
    var said =
        new ExitReport(
            silent.outcome(),
            java.util.Optional.of(1),
            silent.signal(),
            silent.firstFailure(),
            silent.treeGone(),
            silent.portTaken(),
            silent.reason(),
            java.util.List.of("Traceback", "No module named torch.distributed.run", " "),
            silent.endedAt());

    assertThat(Causes.of(new NodeId("n1"), said).message())
        .isEqualTo("torchrun exited with code 1: No module named torch.distributed.run");
  }
}
