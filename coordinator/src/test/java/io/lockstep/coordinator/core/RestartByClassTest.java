package io.lockstep.coordinator.core;

import static io.lockstep.coordinator.core.ACluster.A;
import static io.lockstep.coordinator.core.ACluster.aRunningJob;
import static io.lockstep.coordinator.core.ACluster.checkpoint;
import static io.lockstep.coordinator.core.ACluster.folder;
import static io.lockstep.coordinator.core.ACluster.node;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.FailureClass;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What kind of failure it was decides what follows; the rules are the shipped ones. */
class RestartByClassTest {
  private static final String KEY_ERROR = "KeyError: 'no column text'";
  private static final String DISK_FULL = "OSError: [Errno 28] No space left on device";
  private static final String PREEMPTED = "slurmstepd: CANCELLED AT 12:00 DUE TO PREEMPTION";
  private static final String XID =
      "kernel: NVRM: Xid (PCI:0000:3b:00): 79, pid=7, GPU has fallen off the bus.";

  @ParameterizedTest
  @ValueSource(
      strings = {
        KEY_ERROR,
        "ModuleNotFoundError: No module named 'flash_attn'",
        "pydantic_core._pydantic_core.ValidationError: 1 validation error for DeepSpeedZeroConfig"
      })
  void whatFailsByItselfBeforeAnyStepIsNotRestarted(String error) {
    ACluster cluster = aRunningJob(1);

    cluster.exits("n1", Exit.raised(0, error));

    assertThat(cluster.phase()).isEqualTo(JobPhase.FAILED);
    assertThat(cluster.attempt()).isEqualTo(1);
    assertThat(cluster.job().reason().code()).isEqualTo(ReasonCode.SCRIPT_FAILED);
    assertThat(cluster.job().reason().message()).contains("before it ever made a step", error);
    assertThat(cluster.job().exitCode()).contains(Exits.SCRIPT_FAILED);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        DISK_FULL,
        "OSError: [Errno 116] Stale file handle",
        "requests.exceptions.ConnectionError: (MaxRetryError('HTTPSConnectionPool'))",
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"
      })
  void whatMayBeOverByTheNextAttemptIsTriedAgain(String error) {
    ACluster cluster = aRunningJob(1);

    cluster.exits("n1", Exit.raised(0, error));

    assertThat(cluster.attempt()).isEqualTo(2);
    assertThat(cluster.job().counted()).isEqualTo(1);
  }

  @Test
  void aHiccupIsNeverTakenForTheScriptsFaultHoweverOftenItComes() {
    ACluster cluster = aRunningJob(1);
    for (int attempt = 1; attempt <= 6; attempt++) {
      assertThat(cluster.attempt()).isEqualTo(attempt);
      fails(cluster, Exit.raised(0, DISK_FULL));
    }
    assertThat(cluster.job().counted()).isEqualTo(6);
  }

  @Test
  void onceAnyAttemptMadeAStepTheScriptsFailureIsTriedAgain() {
    ACluster cluster = aRunningJob(1);
    steps(cluster, 3);
    fails(cluster, Exit.killed(0));

    fails(cluster, Exit.raised(0, KEY_ERROR));

    assertThat(cluster.attempt()).isEqualTo(3);
    assertThat(cluster.job().hasTrained()).isTrue();
  }

  /** The first heartbeat with a step may come after the failure. */
  @Test
  void aStepThatOnlyTheReportTellsIsAStep() {
    ACluster cluster = aRunningJob(1);

    cluster.exits("n1", Exit.at(4, Exit.raised(0, KEY_ERROR)));

    assertThat(cluster.attempt()).isEqualTo(2);
    assertThat(cluster.job().hasTrained()).isTrue();
  }

  @Test
  void aScriptThatTellsNoStepsAndRanLongMayHaveTrained() {
    ACluster cluster = aRunningJob(1);
    cluster.after(RestartPolicy.TELLS_NO_STEPS);

    cluster.exits("n1", Exit.raised(0, KEY_ERROR));

    assertThat(cluster.attempt()).isEqualTo(2);
  }

  @Test
  void theSameErrorAtTheSameStepIsNotRunAThirdTimeWhateverWasSavedInBetween() {
    ACluster cluster = aRunningJob(2);
    steps(cluster, 3);
    fails(cluster, Exit.at(25, Exit.raised(0, "RuntimeError: NaN in 0x7f3a")));
    steps(cluster, 4);
    cluster.sees(checkpoint(20));
    cluster.checkpoints = folder(20);

    cluster.exits("n1", Exit.at(25, Exit.raised(0, "RuntimeError: NaN in 0x99")));

    assertThat(cluster.phase()).isEqualTo(JobPhase.STOPPING);
    assertThat(cluster.job().reason().code()).isEqualTo(ReasonCode.SCRIPT_FAILED);

    ACluster other = aRunningJob(2);
    steps(other, 3);
    fails(other, Exit.at(25, Exit.raised(0, "RuntimeError: NaN in 0x7f3a")));
    steps(other, 4);
    fails(other, Exit.at(31, Exit.raised(0, "RuntimeError: NaN in 0x99")));
    assertThat(other.attempt()).isEqualTo(3);
  }

  @Test
  void aNodeWhoseHardwareFailedIsOutUntilAPersonPutsItBack() {
    ACluster cluster = aRunningJob(2, AJob.of(2), 3);

    cluster.exits("n2", Exit.hostSays(XID, Exit.killed(1)));

    Node broken = cluster.state.node(node("n2")).orElseThrow();
    assertThat(broken.health()).isEqualTo(NodeHealth.QUARANTINED);
    assertThat(broken.reason().message()).contains("gpu-xid", "Xid", "lockstep resume n2");
    assertThat(cluster.job().table().orElseThrow().nodes()).isEqualTo(ACluster.nodes("n1", "n3"));
    assertThat(cluster.causeOf(1).failureClass()).isEqualTo(FailureClass.HARDWARE);
    cluster.when(new ClusterInput.Resume(node("n2")));
    assertThat(cluster.state.node(node("n2")).orElseThrow().health()).isEqualTo(NodeHealth.READY);
  }

  @Test
  void preemptionIsFreeOnlyAsLongAsStepsAreMade() {
    ACluster cluster = aRunningJob(1, AJob.of(1).budget(1), 1);
    for (int step = 10; step <= 40; step += 10) {
      steps(cluster, step);
      fails(cluster, Exit.raised(0, PREEMPTED));
    }
    assertThat(cluster.job().counted()).isZero();
    assertThat(cluster.job().uncounted()).isEqualTo(4);

    fails(cluster, Exit.raised(0, PREEMPTED));
    cluster.exits("n1", Exit.raised(0, PREEMPTED));

    assertThat(cluster.job().exitCode()).contains(Exits.BUDGET_SPENT);
  }

  @Test
  void theVerdictIsStoredSoThatOtherRulesChangeNoHistory() {
    ACluster cluster = aRunningJob(1);
    cluster.exits("n1", Exit.raised(0, DISK_FULL));

    Diagnosis stored = cluster.causeOf(1).diagnosis().orElseThrow();

    assertThat(stored.failureClass()).isEqualTo(FailureClass.STORAGE);
    assertThat(stored.rule()).isEqualTo("disk-full");
    assertThat(stored.sign()).isEqualTo(DISK_FULL);
    assertThat(stored.meaning()).isNotEmpty();
    assertThat(stored.advice()).isNotEmpty();
  }

  @Test
  void aKilledWorkersOlderOutputTellsNothing() {
    ACluster cluster = aRunningJob(1);

    cluster.exits("n1", Exit.wrote("CUDA out of memory", Exit.killed(0)));

    assertThat(cluster.causeOf(1).diagnosis().orElseThrow().rule()).isEqualTo("killed");
  }

  @Test
  void aTimeoutThatOnlyARuleKnowsForACascadeWaitsForTheRoot() {
    ACluster cluster = aRunningJob(2);
    cluster.exits(
        "n1", Exit.raised(0, "Watchdog caught collective operation timeout: WorkNCCL(SeqNum=41)"));
    assertThat(cluster.phase()).isEqualTo(JobPhase.RUNNING);

    cluster.exits("n2", Exit.raised(1, DISK_FULL));

    assertThat(cluster.causeOf(1).failureClass()).isEqualTo(FailureClass.STORAGE);
    assertThat(cluster.causeOf(1).node()).contains(node("n2"));
  }

  private static void steps(ACluster cluster, long step) {
    cluster.when(new ClusterInput.StepSeen(cluster.fence(A), step));
  }

  private static void fails(ACluster cluster, ExitReport exit) {
    cluster.exits("n1", exit);
    if (cluster.phase() == JobPhase.QUEUED) {
      cluster.after(Duration.ofSeconds(30));
    }
    if (cluster.phase() == JobPhase.PREPARING) {
      cluster.runs(A);
    }
  }
}
