package io.lockstep.coordinator.core;

import static io.lockstep.coordinator.core.ACluster.A;
import static io.lockstep.coordinator.core.ACluster.aRunningJob;
import static io.lockstep.coordinator.core.ACluster.folder;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.CheckpointInventory;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class NoProgressTest {
  private final ACluster cluster = aRunningJob(1, AJob.of(1).budget(50), 3);

  private void dies() {
    cluster.exits(cluster.gang().get(0).value(), Exit.killed(0));
  }

  private void runsAgain() {
    cluster.after(Duration.ofSeconds(30));
    cluster.runs(A);
  }

  private void steps(long step) {
    cluster.when(new ClusterInput.StepSeen(cluster.fence(A), step));
  }

  @Test
  void attemptsInARowThatComeNoFurtherEndTheJobWithExitCodeFive() {
    steps(7);
    for (int i = 0; i < NoProgressPolicy.MAX_ATTEMPTS; i++) {
      dies();
      runsAgain();
      steps(7);
    }

    dies();

    assertThat(cluster.job().exitCode()).contains(Exits.NO_PROGRESS);
    assertThat(cluster.job().reason().code()).isEqualTo(ReasonCode.NOTHING_TRAINED);
    assertThat(cluster.job().reason().message())
        .startsWith(
            "5 attempts in a row came to no newer step and no newer checkpoint (0 hung, the furthest"
                + " step was 7); last cause: ");
  }

  @Test
  void threeHangsInARowAtTheSameStepEndIt() {
    var training = new ATraining(cluster.gang()).from(6).steps();
    for (int i = 0; i < 1 + NoProgressPolicy.MAX_HANGS; i++) {
      assertThat(cluster.phase()).as("attempt %d", cluster.attempt()).isEqualTo(JobPhase.RUNNING);
      steps(7);
      training.passes(Duration.ofMinutes(15));
      cluster.when(new ClusterInput.ActivitySeen(cluster.fence(A), training.seen()));
      cluster.after(HangWatch.STACKS_LIMIT);
      cluster.when(new ClusterInput.ActivitySeen(cluster.fence(A), training.seen()));
      if (cluster.job().current().isPresent() && cluster.phase() == JobPhase.PREPARING) {
        cluster.runs(A);
      } else if (cluster.phase() == JobPhase.QUEUED) {
        runsAgain();
      }
    }
    assertThat(cluster.job().reason().code()).isEqualTo(ReasonCode.NOTHING_TRAINED);
    assertThat(cluster.job().reason().message()).contains("3 attempts in a row", "3 hung");
    assertThat(cluster.job().exitCode()).contains(Exits.NO_PROGRESS);
  }

  @Test
  void oneThatNeverMakesAnyStepEndsToo() {
    for (int i = 1; i < NoProgressPolicy.MAX_ATTEMPTS; i++) {
      dies();
      runsAgain();
    }
    dies();
    assertThat(cluster.job().exitCode()).contains(Exits.NO_PROGRESS);
    assertThat(cluster.job().reason().message()).contains("no step was seen at all");
  }

  @Test
  void aNewerStepBeginsTheCountAnew() {
    for (int i = 1; i < 10; i++) {
      steps(1L << i);
      dies();
      runsAgain();
    }
    assertThat(cluster.attempt()).isEqualTo(10);
  }

  @Test
  void aNewerCheckpointBeginsTheCountAnew() {
    for (int i = 1; i < 10; i++) {
      cluster.sees(new CompleteCheckpoint("/ckpt/checkpoint-" + i, i, 1));
      cluster.checkpoints =
          new CheckpointInventory(
              folder(i).owner(),
              List.of(new CompleteCheckpoint("/ckpt/checkpoint-" + i, i, 1)),
              List.of());
      dies();
      runsAgain();
    }
    assertThat(cluster.attempt()).isEqualTo(10);
  }

  @Test
  void lossesOfHostsSayNothingOfTheTraining() {
    ACluster fleet = aRunningJob(1, AJob.of(1).budget(50), 9);
    for (int i = 0; i < 6; i++) {
      fleet.silent(fleet.gang().get(0).value());
      fleet.after(Duration.ofSeconds(30));
      fleet.runs(A);
    }
    assertThat(fleet.attempt()).isEqualTo(7);
  }

  @Test
  void howFarAnAttemptCameIsNotedWithFewEvents() {
    int noted = 0;
    for (long step = 1; step <= 10_000; step++) {
      if (cluster.state.awaitsStep(cluster.fence(A), step)) {
        steps(step);
        noted++;
      }
    }
    assertThat(noted).isEqualTo(14);
    assertThat(cluster.job().lastAttempt().orElseThrow().furthestStep()).contains(8_192L);
  }

  @Test
  void aSpentBudgetIsSaidFirst() {
    ACluster poor = aRunningJob(1, AJob.of(1).budget(2), 1);
    for (int i = 0; i < 2; i++) {
      poor.exits("n1", Exit.killed(0));
      poor.after(Duration.ofSeconds(30));
      poor.runs(A);
    }
    poor.exits("n1", Exit.killed(0));
    assertThat(poor.job().exitCode()).contains(Exits.BUDGET_SPENT);
  }
}
