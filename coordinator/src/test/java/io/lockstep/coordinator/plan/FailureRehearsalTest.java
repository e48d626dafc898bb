package io.lockstep.coordinator.plan;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.coordinator.jobfile.JobFile;
import io.lockstep.coordinator.plan.FailureRehearsal.Outcome;
import io.lockstep.protocol.model.JobSpec;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/** The machine's own answers; what they should be is its tests' business, not these. */
class FailureRehearsalTest {
  private static final String JOB =
      "name: n\nscript: /w/s.py\nworkdir: /w\nnodes: 3\npaths: {output: /w/out}\n";

  @Test
  void aKilledWorkerRestartsTheGangFromTheNewestCheckpoint() {
    Outcome outcome = outcomes(JOB, 3, 10).get(0);

    assertThat(outcome.restarted()).isTrue();
    assertThat(outcome.counted()).isEqualTo(1);
    assertThat(outcome.stepsLost()).hasValue(5);
    assertThat(outcome.mostStepsLost()).hasValue(10);
  }

  @Test
  void aLostHostIsMadeUpForByTheSpareAfterItsLease() {
    Outcome with = outcomes(JOB + "spares: 1\n", 3, 10).get(1);
    Outcome without = outcomes(JOB, 3, 10).get(1);
    Outcome slow = outcomes(JOB + "spares: 1\ndeadlines: {lease: 20s}\n", 3, 10).get(1);

    assertThat(with.phase()).isEqualTo("RUNNING");
    assertThat(with.millis().orElseThrow()).isBetween(6_000L, 8_000L);
    assertThat(slow.millis().orElseThrow()).isBetween(20_000L, 22_000L);
    assertThat(without.phase()).isEqualTo("QUEUED");
    assertThat(without.reason()).startsWith("WAITING_FOR_NODES");
  }

  @Test
  void twoLostHostsNeedTwoSpares() {
    assertThat(outcomes(JOB + "spares: 1\n", 3, 10).get(2).phase()).isEqualTo("QUEUED");
    Outcome outcome = outcomes(JOB + "spares: 2\n", 3, 10).get(2);
    assertThat(outcome.phase()).isEqualTo("RUNNING");
    assertThat(outcome.counted()).isEqualTo(1);
  }

  @Test
  void aLostCoordinatorDoesNotTouchTraining() {
    Outcome outcome = outcomes(JOB, 3, 10).get(3);

    assertThat(outcome.phase()).isEqualTo("RUNNING");
    assertThat(outcome.restarted()).isFalse();
    assertThat(outcome.counted()).isZero();
  }

  @Test
  void theBudgetIsTheJobs() {
    Outcome outcome = last(outcomes(JOB + "restart: {max: 3}\n", 3, 10));

    assertThat(outcome.phase()).isEqualTo("FAILED");
    assertThat(outcome.reason()).startsWith("RESTART_BUDGET_SPENT");
    assertThat(outcome.counted()).isEqualTo(3);
    Outcome large = last(outcomes(JOB + "restart: {max: 900}\n", 3, 10));
    assertThat(large.phase()).isEqualTo("RUNNING");
    assertThat(large.counted()).isEqualTo(20);
  }

  @Test
  void withoutACheckpointInMidRunAllIsLost() {
    Outcome outcome = outcomes(JOB, 3, 0).get(0);

    assertThat(outcome.restarted()).isTrue();
    assertThat(outcome.mostStepsLost()).isEmpty();
  }

  @Test
  void withoutAFolderOfCheckpointsAllIsLost() {
    String file = JOB.replace("paths: {output: /w/out}\n", "");

    assertThat(outcomes(file, 3, 10).get(0).mostStepsLost()).isEmpty();
  }

  @Test
  void oneNodeCannotLoseTwoAndManyAreStoodForByFewer() {
    assertThat(outcomes(JOB, 1, 10)).hasSize(4);
    assertThat(outcomes(JOB + "spares: 2\n", 9_000, 10).get(2).phase()).isEqualTo("RUNNING");
  }

  private static Outcome last(List<Outcome> outcomes) {
    return outcomes.get(outcomes.size() - 1);
  }

  private static List<Outcome> outcomes(String file, int nodes, long saveEvery) {
    JobFile.Parsed parsed = JobFile.parse(file, JobFile.Defaults.STANDARD);
    assertThat(parsed.mistakes()).isEmpty();
    JobSpec job = parsed.spec().orElseThrow();
    var hardware = new Hardware(nodes, 8, Optional.of(Card.GUIDES), OptionalLong.empty(), "test");
    return FailureRehearsal.of(job, hardware, saveEvery);
  }
}
