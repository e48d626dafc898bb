package io.lockstep.coordinator.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.CheckpointInventory;
import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.NodeInventory;
import io.lockstep.protocol.model.OnExisting;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Groups whose end nobody has proven; each test is a schedule that the simulation found. */
final class UnprovenEndsTest {
  private static final JobId JOB = new JobId("llama");
  private static final NodeId NODE = new NodeId("n1");
  private static final Instant NOW = Instant.parse("2026-11-24T00:00:00Z");

  private final ClusterMachine machine = new ClusterMachine();
  private ClusterState state = ClusterState.EMPTY;
  private Instant now = NOW;

  @Test
  void aGroupThatExits0AndLeavesProcessesKeepsTheJobFromEnding() {
    Fence fence = aRunningJob();

    tell(new ClusterInput.NodeExited(NODE, fence, exited0(false)));
    assertThat(job().phase()).isEqualTo(JobPhase.STOPPING);
    assertThat(job().open()).isNotEmpty();

    tell(new ClusterInput.NodeExited(NODE, fence, exited0(true)));
    assertThat(job().phase()).isEqualTo(JobPhase.SUCCEEDED);
    assertThat(job().open()).isEmpty();
  }

  @Test
  void anAgentThatLostItsMemoryFailsTheAttemptAndProvesNothing() {
    Fence fence = aRunningJob();

    tell(hello("disk-2", "boot-1"));

    assertThat(job().open()).extracting(OpenGroup::fence).contains(fence);
    assertThat(job().attempts().get(0).cause()).isPresent();
  }

  @Test
  void anAgentThatDoesNotHoldItsGroupAnyMoreProvesNothing() {
    Fence fence = aRunningJob();

    tell(hello("disk-1", "boot-1"));

    assertThat(job().open()).extracting(OpenGroup::fence).contains(fence);
    assertThat(job().attempts().get(0).cause()).isPresent();
  }

  @Test
  void aHelloOfAnotherBootProvesNothingSinceThatBootMayBeAnEarlierOne() {
    Fence fence = aJobPreparedIn("boot-2");

    tell(hello("disk-1", "a-boot-that-nobody-heard-of"));

    assertThat(job().open()).extracting(OpenGroup::fence).contains(fence);
    assertThat(job().phase()).isEqualTo(JobPhase.STARTING);
  }

  @Test
  void aHelloOfTheBootInWhichTheGroupWasPreparedProvesNothingThoughItIsTheFirstOfThatBoot() {
    Fence fence = aJobPreparedIn("boot-2");
    tell(new ClusterInput.Cancel(JOB, Duration.ZERO));

    tell(hello("disk-1", "boot-2"));

    assertThat(job().open()).extracting(OpenGroup::fence).contains(fence);
    assertThat(job().phase()).isEqualTo(JobPhase.STOPPING);
  }

  @Test
  void anAttemptGoesOnWhenTheBootInWhichItWasPreparedIsHeardOfLate() {
    Fence fence = aJobPreparedIn("boot-2");

    tell(hello("disk-1", "boot-2"));

    assertThat(job().phase()).isEqualTo(JobPhase.STARTING);
    assertThat(job().open()).extracting(OpenGroup::fence).contains(fence);
  }

  @Test
  void aHelloOfAFormerBootProvesNothing() {
    tell(hello("disk-1", "boot-1"));
    tell(hello("disk-1", "boot-2"));
    Fence fence = aJobPreparedIn("boot-2");

    Decision decision = tell(hello("disk-1", "boot-1"));

    assertThat(decision.events()).isEmpty();
    assertThat(decision.reason().code()).isEqualTo(ReasonCode.STALE);
    assertThat(job().open()).extracting(OpenGroup::fence).contains(fence);
  }

  @Test
  void aRestoredSnapshotOfTheHostIsTakenBackInTime() {
    tell(hello("disk-1", "boot-1"));
    tell(hello("disk-1", "boot-2"));

    now = NOW.plus(FormerBoots.LIMIT);
    tell(hello("disk-1", "boot-1"));

    assertThat(state.node(NODE).orElseThrow().inventory().bootId()).isEqualTo("boot-1");
  }

  @Test
  void onlyTheNewestFormerBootsAreKept() {
    for (int boot = 1; boot <= 9; boot++) {
      tell(hello("disk-1", "boot-" + boot));
    }

    assertThat(state.node(NODE).orElseThrow().formerBoots().orElseThrow().boots())
        .extracting(FormerBoots.FormerBoot::id)
        .containsExactly("boot-5", "boot-6", "boot-7", "boot-8");
  }

  @Test
  void aCanceledJobStaysCanceledWhenItsAgentComesBackWithoutTheGroup() {
    Fence fence = aRunningJob();
    tell(new ClusterInput.Cancel(JOB, Duration.ZERO));

    tell(hello("disk-1", "boot-2"));
    tell(new ClusterInput.NodeExited(NODE, fence, exited0(true)));

    assertThat(job().phase()).isEqualTo(JobPhase.CANCELED);
    assertThat(job().attemptsMade()).isEqualTo(1);
  }

  // given

  private Fence aRunningJob() {
    tell(hello("disk-1", "boot-1"));
    Fence fence = aJobPreparedIn("boot-1");
    tell(new ClusterInput.NodeStarted(NODE, fence));
    assertThat(job().phase()).isEqualTo(JobPhase.RUNNING);
    return fence;
  }

  /** Released, not started yet; the node is known with boot-1 unless it said otherwise before. */
  private Fence aJobPreparedIn(String boot) {
    if (state.node(NODE).isEmpty()) {
      tell(hello("disk-1", "boot-1"));
    }
    tell(new ClusterInput.Submit(JOB, spec()));
    Fence fence = job().current().orElseThrow().fence();
    tell(
        new ClusterInput.NodePrepared(
            NODE,
            fence,
            new PreparedNode(
                Optional.of(29_500),
                Optional.empty(),
                "script",
                CheckpointInventory.EMPTY,
                Optional.empty(),
                Optional.of(boot))));
    return fence;
  }

  private Job job() {
    return state.job(JOB).orElseThrow();
  }

  private Decision tell(ClusterInput input) {
    Decision decision = machine.decide(state, input, now);
    for (ClusterEvent event : decision.events()) {
      state = state.evolve(event);
    }
    return decision;
  }

  private static ClusterInput hello(String disk, String boot) {
    return new ClusterInput.NodeHello(
        NODE,
        disk,
        new NodeInventory("10.0.0.1", "n1", boot, 8, 1L << 30, List.of(), "python3", "0", -1),
        List.of());
  }

  private static ExitReport exited0(boolean treeGone) {
    return new ExitReport(
        ExitReport.Outcome.SUCCEEDED,
        Optional.of(0),
        Optional.empty(),
        Optional.empty(),
        treeGone,
        false,
        Optional.empty(),
        List.of(),
        NOW);
  }

  private static JobSpec spec() {
    return new JobSpec(
        "llama",
        "train.py",
        List.of(),
        "/data",
        1,
        1,
        List.of(),
        0,
        0,
        Optional.empty(),
        JobSpec.Paths.NONE,
        Map.of(),
        new JobSpec.Checkpoint(
            Optional.empty(), false, Optional.empty(), CheckpointFormat.NONE, OnExisting.AUTO),
        JobSpec.Restart.DEFAULT,
        JobSpec.Deadlines.DEFAULT,
        "off",
        Optional.empty());
  }
}
