package io.lockstep.coordinator.core;

import static io.lockstep.coordinator.core.ACluster.A;
import static io.lockstep.coordinator.core.ACluster.aRunningJob;
import static io.lockstep.coordinator.core.ACluster.actions;
import static io.lockstep.coordinator.core.ACluster.checkpoint;
import static io.lockstep.coordinator.core.ACluster.events;
import static io.lockstep.coordinator.core.ACluster.node;
import static io.lockstep.coordinator.core.ACluster.nodes;
import static io.lockstep.coordinator.core.ACluster.told;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.FailureCause;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HangTest {
  private static final Duration SECOND = Duration.ofSeconds(1);
  private static final Duration LEARNED = Duration.ofSeconds(20); // ten times a pause of two
  private static final Duration NO_PROGRESS = Duration.ofMinutes(15);

  private ACluster cluster = aRunningJob(2, quick(), 3);
  private ATraining training = new ATraining(nodes("n1", "n2"));

  private static AJob quick() {
    return AJob.of(2).progress(10, Duration.ofSeconds(5));
  }

  private void job(AJob job) {
    cluster = aRunningJob(2, job, 3);
    training = new ATraining(nodes("n1", "n2"));
  }

  /** Time goes on for both, and the coordinator looks. */
  private Decision pass(Duration time) {
    training.passes(time);
    cluster.after(time);
    return look();
  }

  private Decision look() {
    return cluster.when(new ClusterInput.ActivitySeen(cluster.fence(A), training.seen()));
  }

  private Decision step(Duration after) {
    Decision before = pass(after);
    training.steps();
    cluster.when(new ClusterInput.StepSeen(cluster.fence(A), training.seen().step()));
    look();
    return before;
  }

  /** Two seconds a step, and a checkpoint after ten. */
  private void trains(int steps) {
    for (int i = 0; i < steps; i++) {
      step(Duration.ofSeconds(2));
    }
    cluster.sees(checkpoint(training.seen().step()));
  }

  private boolean isSuspected() {
    return cluster.job().current().flatMap(AttemptState::suspicion).isPresent();
  }

  @Test
  void aGangThatStandsStillTenTimesItsLongestPauseIsSuspectedAndItsStacksAreTaken() {
    trains(20);
    pass(LEARNED.minus(SECOND));
    assertThat(isSuspected()).isFalse();

    Decision decision = pass(SECOND);

    assertThat(decision.reason().code()).isEqualTo(ReasonCode.STANDS_STILL);
    assertThat(decision.reason().message())
        .isEqualTo(
            "no step for 20s at step 20, the limit is 20s (learned: the longest of 19 pauses"
                + " between steps was 2s; 10 times that, at least 5s); takes stacks");
    assertThat(told(decision, ClusterAction.TakeStacks.class)).isEqualTo(nodes("n1", "n2"));
    assertThat(cluster.phase()).as("nothing is ended yet").isEqualTo(JobPhase.RUNNING);
  }

  @Test
  void aHangNamesTheStoppedRankAndRestartsFromTheNewestCheckpointAtTheCostOfBudget() {
    trains(20);
    training.state("n2", "T");
    pass(LEARNED);
    training.stack("n1", false, true, "all_reduce").stack("n2", false, false, "forward");

    Decision decision = pass(SECOND);

    AttemptRecord.Cause cause = cluster.causeOf(1);
    assertThat(cause.code()).isEqualTo(FailureCause.HANG);
    assertThat(cause.node()).contains(node("n2"));
    assertThat(cause.rank()).contains(1);
    assertThat(cause.message())
        .startsWith(
            "rank 1 on n2 stood still: its process is stopped (state T); no step for 21s at step 20,")
        .contains("the limit is 20s (learned: ");
    assertThat(cause.traceback()).startsWith("stacks on n1").contains("stacks on n2");
    assertThat(events(decision, ClusterEvent.AttemptFailed.class).get(0).counted()).isTrue();
    assertThat(cluster.attempt()).isEqualTo(2);
  }

  @Test
  void whereNoStacksComeTheVerdictDoesNotWaitForEver() {
    trains(20);
    pass(LEARNED);
    Decision waiting = pass(HangWatch.STACKS_LIMIT.minus(SECOND));
    assertThat(cluster.phase()).isEqualTo(JobPhase.RUNNING);
    assertThat(told(waiting, ClusterAction.TakeStacks.class)).as("asked again").hasSize(2);

    pass(SECOND);

    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.HANG);
    assertThat(cluster.causeOf(1).message())
        .startsWith("no rank stands out: all wait alike; no step for 40s");
    assertThat(cluster.causeOf(1).rank()).isEmpty();
  }

  @Test
  void oneThatMovesAgainIsCleared() {
    trains(20);
    pass(LEARNED);
    training.steps();

    Decision decision = look();

    assertThat(decision.reason().toString()).isEqualTo("MOVES_AGAIN: moves again at step 21");
    assertThat(isSuspected()).isFalse();
    pass(LEARNED);
    assertThat(isSuspected()).as("the pause of 20 s is learned: now it may be 200").isFalse();
    assertThat(cluster.attempt()).isEqualTo(1);
  }

  @Test
  void whoseStacksChangeIsSlowAndLeftAloneAndJudgedAgainAfterAnotherLimit() {
    trains(20);
    pass(LEARNED);
    training.stack("n1", true, false, "metric.py:7 compute").stack("n2", false, true, "barrier");

    Decision decision = look();

    assertThat(decision.reason().code()).isEqualTo(ReasonCode.MOVES_AGAIN);
    assertThat(decision.reason().message()).contains("rank 0, now at metric.py:7 compute");
    assertThat(actions(pass(LEARNED.minus(SECOND)), ClusterAction.TakeStacks.class)).isEmpty();
    assertThat(pass(SECOND).reason().code()).isEqualTo(ReasonCode.STANDS_STILL);
    training.stack("n1", false, true, "barrier");
    look();
    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.HANG);
  }

  @Test
  void aLoopThatNeverMakesAStepIsNoExcuseForEver() {
    trains(20);
    training.stack("n1", true, false, "poll.py:3 wait").stack("n2", true, false, "poll.py:4 wait");
    Duration passed = Duration.ZERO;
    while (cluster.attempt() == 1) {
      pass(Duration.ofSeconds(10));
      passed = passed.plus(Duration.ofSeconds(10));
      assertThat(passed).isLessThan(NO_PROGRESS.multipliedBy(5));
    }
    assertThat(passed).isGreaterThanOrEqualTo(NO_PROGRESS.multipliedBy(HangWatch.MOST_DEADLINES));
  }

  // slow, and not hung

  @Test
  void aStepTimeThatGrowsTenfoldSlowlyIsNeverSuspected() {
    trains(20);
    long millis = 2_000;
    while (millis < 20_000) {
      millis = millis * 101 / 100;
      step(Duration.ofMillis(millis));
      assertThat(isSuspected()).as("at %d ms a step", millis).isFalse();
    }
    assertThat(cluster.attempt()).isEqualTo(1);
  }

  @ParameterizedTest
  @CsvSource({"9500ms, tenfold at once", "19s, and nearly twentyfold"})
  void aStepThatTakesMuchLongerAtOnceIsNoHang(String time, String what) {
    trains(20);
    step(Duration.parse("PT" + time.replace("9500ms", "9.5s")));
    assertThat(isSuspected()).as(what).isFalse();
  }

  @Test
  void aLongFirstSaveIsLeftAloneSinceNoneWasSeenYet() {
    for (int i = 0; i < 20; i++) {
      step(Duration.ofSeconds(2));
    }
    pass(NO_PROGRESS.minus(SECOND));
    assertThat(isSuspected()).isFalse();
    training.steps();
    cluster.sees(checkpoint(20));
    pass(NO_PROGRESS.minus(SECOND));
    assertThat(isSuspected()).as("a save as long as that is learned").isFalse();
  }

  @Test
  void aLongFirstEvaluationIsLeftAloneWhereTheScriptIsAskedForOne() {
    job(quick().args("--do_train", "--do_eval", "--eval_steps", "50"));
    trains(20);
    pass(NO_PROGRESS.minus(SECOND));
    assertThat(isSuspected()).isFalse();

    training.moves();
    pass(NO_PROGRESS.minus(SECOND));
    assertThat(isSuspected()).as("a bar that moves is life").isFalse();

    training.steps().evaluated();
    pass(NO_PROGRESS.minus(SECOND));
    assertThat(isSuspected()).as("an evaluation as long as that is learned").isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "--do_eval, True, true",
    "--eval_strategy, steps, true",
    "--eval_strategy=no, '', false",
    "--do_eval, False, false",
    "--validation_file_dir, /data, true",
    "--num_train_epochs, 3, false",
    "medieval, corpus, false"
  })
  void whetherAScriptEvaluatesIsReadFromItsArguments(String arg, String value, boolean evaluates) {
    assertThat(HangRule.evaluates(java.util.List.of(arg, value))).isEqualTo(evaluates);
  }

  @Test
  void noPauseBelowTheFloorIsSuspiciousHoweverShortStepsAre() {
    job(AJob.of(2));
    training.of(1_000);
    for (int i = 0; i < 100; i++) {
      step(Duration.ofMillis(100));
    }
    cluster.sees(checkpoint(100));
    pass(Duration.ofSeconds(119));
    assertThat(isSuspected()).isFalse();
    pass(SECOND);
    assertThat(isSuspected()).isTrue();
  }

  @Test
  void whereTheEndCannotBeSeenComingNothingIsLearnedUnlessTheJobFileSaysSo() {
    job(AJob.of(2));
    trains(100);
    pass(NO_PROGRESS.minus(SECOND));
    assertThat(isSuspected()).as("the last evaluation of a script that names no total").isFalse();
    assertThat(pass(SECOND).reason().message()).contains("its output names no total of steps");
  }

  @Test
  void nothingIsLearnedBeyondNoProgress() {
    job(quick().noProgress(Duration.ofSeconds(12)));
    trains(20);
    pass(Duration.ofSeconds(11));
    assertThat(isSuspected()).isFalse();
    assertThat(pass(SECOND).reason().message()).contains("the limit is 12s (deadlines.noProgress;");
  }

  @Test
  void afterTheLastStepCpuIsLifeAgain() {
    trains(20);
    training.of(20).computes(true);
    pass(NO_PROGRESS.multipliedBy(3));
    assertThat(isSuspected()).isFalse();
    training.computes(false);
    pass(NO_PROGRESS);
    assertThat(isSuspected()).isTrue();
  }

  @Test
  void aBarThatWasAtItsEndIsNoExcuseForEver() {
    trains(20);
    training.of(20).computes(true); // as a bar for each epoch is, from the second epoch on
    pass(NO_PROGRESS.multipliedBy(HangWatch.MOST_DEADLINES).plusMinutes(1));
    assertThat(isSuspected()).isTrue();
  }

  // before the first step

  @Test
  void beforeTheFirstStepCpuIsLifeForHours() {
    training.computes(true);
    for (int hour = 0; hour < 10; hour++) {
      pass(Duration.ofHours(1));
    }
    assertThat(isSuspected()).isFalse();
  }

  @Test
  void beforeTheFirstStepATotallyIdleGangIsSuspiciousAfterNoProgress() {
    pass(NO_PROGRESS.minus(SECOND));
    assertThat(isSuspected()).isFalse();
    assertThat(pass(SECOND).reason().message())
        .startsWith("no CPU or I/O for 15m, the limit is 15m");
  }

  @Test
  void aStepThatNoShimReadIsNotMissed() {
    training.computes(true);
    cluster.when(new ClusterInput.StepSeen(cluster.fence(A), 5)); // said in some other way
    pass(Duration.ofHours(5));
    assertThat(isSuspected()).isFalse();
  }

  @Test
  void fromTheFirstStepOnCpuIsNoLifeSinceRanksSpinWhileTheyWait() {
    trains(20);
    training.computes(true);
    pass(LEARNED);
    assertThat(isSuspected()).isTrue();
  }

  @Test
  void firstStepEndsAnAttemptThatComputesAndNeverSteps() {
    job(quick().firstStepWithin(Duration.ofMinutes(30)));
    training.computes(true);
    pass(Duration.ofMinutes(29));
    assertThat(cluster.attempt()).isEqualTo(1);
    pass(Duration.ofMinutes(1));
    assertThat(cluster.causeOf(1).message())
        .isEqualTo("attempt 1 has made no step within deadlines.firstStep, 30m");
    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.HANG);
  }

  @Test
  void firstStepIsOverWithTheFirstStep() {
    job(quick().firstStepWithin(Duration.ofMinutes(30)));
    trains(20);
    training.moves();
    cluster.after(Duration.ofHours(1));
    look();
    assertThat(cluster.attempt()).isEqualTo(1);
  }

  @Test
  void noProgressZeroTurnsItOff() {
    job(quick().noProgress(Duration.ZERO));
    trains(20);
    pass(Duration.ofDays(3));
    assertThat(isSuspected()).isFalse();
    assertThat(HangRule.limit(cluster.job(), training.seen())).isEmpty();
  }

  // who listens

  @Test
  void aNewCoordinatorFindsAHangByWhatTheShimsMeasuredAndDoesNotAccuseAtOnce() {
    trains(20);
    training.passes(Duration.ofMinutes(5)); // nobody looked
    cluster.takesOver();

    Decision first = look();

    assertThat(first.reason().code()).isEqualTo(ReasonCode.STANDS_STILL);
    assertThat(cluster.attempt()).isEqualTo(1);
    pass(HangWatch.STACKS_LIMIT);
    assertThat(cluster.causeOf(1).code()).isEqualTo(FailureCause.HANG);
  }

  @Test
  void aNewCoordinatorGivesASuspectedGangTheWholeTimeForItsStacksAnew() {
    trains(20);
    pass(LEARNED);
    cluster.now = cluster.now.plus(Duration.ofMinutes(1)); // nobody coordinated
    cluster.takesOver();
    training.passes(Duration.ofMinutes(1));

    look();
    assertThat(cluster.attempt()).isEqualTo(1);
    training.steps();
    look();
    assertThat(isSuspected()).isFalse();
  }

  @Test
  void oneThatStoodStillItselfDoesSoToo() {
    trains(20);
    pass(LEARNED);
    cluster.now = cluster.now.plus(Duration.ofMinutes(1));
    cluster.when(new ClusterInput.StoodStill(Duration.ofMinutes(1)));
    look();
    assertThat(cluster.attempt()).isEqualTo(1);
  }

  @Test
  void whileANodeIsNotHeardNobodyIsJudged() {
    trains(20);
    training.unheard("n2");
    pass(Duration.ofHours(1));
    assertThat(isSuspected()).isFalse();
  }

  @Test
  void aNodeThatHasFinishedIsNotWaitedFor() {
    trains(20);
    cluster.exits("n2", Exit.zero());
    training.unheard("n2");
    pass(LEARNED);
    assertThat(isSuspected()).isTrue();
  }

  @Test
  void aGangThatLostAPeerHasItsOwnVerdict() {
    trains(20);
    cluster.exits("n2", Exit.peerLoss(1));
    training.passes(LEARNED);
    look();
    assertThat(isSuspected()).isFalse();
  }

  @Test
  void whatIsSaidOfAnOlderAttemptIsNotHeard() {
    trains(20);
    var old = cluster.fence(A);
    cluster.checkpoints = ACluster.folder(20);
    cluster.exits("n2", Exit.killed(1));
    cluster.after(Duration.ofSeconds(30));
    cluster.runs(A);
    training.passes(Duration.ofHours(1));
    cluster.when(new ClusterInput.ActivitySeen(old, training.seen()));
    assertThat(isSuspected()).isFalse();
  }
}
