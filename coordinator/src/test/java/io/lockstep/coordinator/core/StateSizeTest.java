package io.lockstep.coordinator.core;

import static io.lockstep.coordinator.core.ACluster.A;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.coordinator.actor.StateCodec;
import io.lockstep.coordinator.seat.SeatLimits;
import io.lockstep.protocol.model.CheckpointInventory;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.ExitReport.FirstFailure;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Whatever happens for however long: the seats have room for it, so appends go on. */
class StateSizeTest {
  /** The longest that a shim sends, of characters of three bytes. */
  private static final String LONGEST_MESSAGE = "誤".repeat(4_096);

  private static final String LONGEST_TRACEBACK = "行".repeat(16_384);
  private static final Duration MONTH = Duration.ofDays(30);

  private final StateCodec codec = new StateCodec();
  private final ClusterMachine machine = new ClusterMachine(Duration.ofSeconds(10));
  private ClusterState state = ClusterState.EMPTY;
  private Instant now = Instant.parse("2026-01-01T00:00:00Z");
  private int snapshotBytes;
  private int eventBytes;
  private int events;
  private int largest;
  private int failures;

  @Test
  void aBigGangThatFailsAgainAndAgainWithTheLongestMessages() {
    fleet(64);
    submit(A, withoutEnd(64));
    for (int i = 0; i < 1_000; i++) {
      fails(A);
    }

    assertThat(state.job(A).orElseThrow().attempts()).hasSize(Job.MAX_ATTEMPTS);
    assertThat(state.job(A).orElseThrow().attemptsMade()).isEqualTo(1_001);
    assertThat(largest).isLessThan(SeatLimits.MAX_STATE_BYTES);
    assertThat(snapshot()).isLessThan(500_000);
  }

  @Test
  void aJobThatRestartsEveryMinuteForAMonth() {
    int restarts = Integer.getInteger("state.restarts", 3_000);
    fleet(4);
    submit(A, withoutEnd(4));
    for (int i = 0; i < restarts; i++) {
      fails(A);
    }

    assertThat(state.job(A).orElseThrow().countedAt()).hasSize(Job.MAX_COUNTED);
    assertThat(snapshot()).isLessThan(700_000);
  }

  @Test
  void hundredsOfEndedJobsWithTheLongestMessages() {
    fleet(32);
    for (int i = 0; i < 400; i++) {
      var id = new JobId("job-" + i);
      submit(id, AJob.of(32).budget(4).spec());
      for (int attempt = 0; attempt < 5; attempt++) {
        fails(id);
      }
      assertThat(state.job(id).orElseThrow().phase()).isEqualTo(JobPhase.FAILED);
    }

    assertThat(state.job(new JobId("job-399"))).isPresent();
    assertThat(largest).isLessThan(SeatLimits.MAX_STATE_BYTES);
  }

  @Test
  void whenTheSeatsAreFullTheOldestEndedJobsAreForgottenAndAppendsGoOn() {
    fleet(1);
    for (int i = 0; i < 60; i++) {
      var id = new JobId("job-" + i);
      JobSpec spec =
          AJob.of(1)
              .spec()
              .withZero(new JobSpec.Zero(0, Optional.of("x".repeat(200_000)), "--deepspeed"));
      submit(id, spec);
      decide(new ClusterInput.Cancel(id, Duration.ZERO));
      exits(id, Exit.stopped());
    }

    assertThat(state.job(new JobId("job-0"))).isEmpty();
    assertThat(state.job(new JobId("job-59"))).isPresent();
    assertThat(state.history()).anyMatch(e -> e.type().equals("PastForgotten"));
    assertThat(largest).isLessThan(SeatLimits.MAX_STATE_BYTES);
  }

  @Test
  void jobsThatWaitAreNotForgottenButNoMoreAreTaken() {
    JobSpec spec =
        AJob.of(2)
            .spec()
            .withZero(new JobSpec.Zero(0, Optional.of("x".repeat(200_000)), "--deepspeed"));
    int taken = 0;
    while (!decide(new ClusterInput.Submit(new JobId("job-" + taken), spec)).refused()) {
      taken++;
    }

    Decision refused = decide(new ClusterInput.Submit(new JobId("one-more"), spec));

    assertThat(taken).isEqualTo(5);
    assertThat(refused.reason().code()).isEqualTo(ReasonCode.OVERLOADED);
    assertThat(decide(new ClusterInput.Submit(new JobId("small"), AJob.of(2).spec())).refused())
        .isFalse();
    assertThat(largest).isLessThan(SeatLimits.MAX_STATE_BYTES);
  }

  @Test
  void withoutEndedJobsOlderAttemptsGo() {
    fleet(1);
    submit(A, withoutEnd(1));
    for (int i = 0; i < 10; i++) {
      fails(A);
    }

    Decision decision = decide(new ClusterInput.StateLarge(3_000_000, 2_000_000));
    Decision again = decide(new ClusterInput.StateLarge(3_000_000, 2_000_000));

    assertThat(ACluster.events(decision, ClusterEvent.PastForgotten.class)).hasSize(1);
    assertThat(state.job(A).orElseThrow().attempts()).hasSize(ClusterMachine.LEAST_ATTEMPTS);
    assertThat(again.events()).isEmpty();
    assertThat(again.reason().code()).isEqualTo(ReasonCode.OVERLOADED);
  }

  @Test
  void aHostBeyondTheMostDoesNotJoin() {
    fleet(ClusterState.MAX_NODES);

    Decision refused = decide(ACluster.hello(new NodeId("one-more"), "disk", "boot-1", 8));

    assertThat(refused.refused()).isTrue();
    assertThat(snapshot()).isLessThan(SeatLimits.FORGET_ABOVE_BYTES);
  }

  @Test
  void whatIsCutStaysReadable() {
    assertThat(BoundedText.head("short", 100)).isEqualTo("short");
    assertThat(BoundedText.head("ab誤c".repeat(9), 11)).isEqualTo("ab誤cab…");
    assertThat(BoundedText.tail("ab誤c".repeat(9), 11)).isEqualTo("…cab誤c");
    String cut = BoundedText.head("\uD83D\uDE00".repeat(9), 10);
    assertThat(cut).isEqualTo("\uD83D\uDE00…");
    assertThat(BoundedText.head(cut, 10)).isEqualTo(cut);
  }

  // given

  private static JobSpec withoutEnd(int nodes) {
    return AJob.of(nodes).restart(1_000_000, MONTH, Duration.ZERO, Duration.ZERO).spec();
  }

  private void fleet(int nodes) {
    for (int i = 1; i <= nodes; i++) {
      decide(ACluster.hello(new NodeId("gpu-node-" + i), "disk-" + i, "boot-1", 8));
    }
  }

  private void submit(JobId id, JobSpec spec) {
    assertThat(decide(new ClusterInput.Submit(id, spec)).refused()).isFalse();
  }

  /** A gang is prepared, starts, and one worker fails a minute later. */
  private void fails(JobId id) {
    AttemptState attempt = state.job(id).orElseThrow().current().orElseThrow();
    for (NodeId node : attempt.table().nodes()) {
      var said =
          new PreparedNode(
              Optional.of(29_500),
              Optional.of("zero".repeat(16)),
              "script".repeat(10),
              checkpoints());
      decide(new ClusterInput.NodePrepared(node, attempt.fence(), said));
    }
    for (NodeId node : attempt.table().nodes()) {
      decide(new ClusterInput.NodeStarted(node, attempt.fence()));
    }
    decide(new ClusterInput.StepSeen(attempt.fence(), 1_000_000 + failures));
    now = now.plus(Duration.ofMinutes(1));
    failures++;
    // another failure each time, by a word: digits alone are taken for chance
    exits(id, failed("x".repeat(failures % 64) + " " + LONGEST_MESSAGE));
  }

  private static CheckpointInventory checkpoints() {
    return new CheckpointInventory(
        Optional.of(new CheckpointInventory.Owner("a", "llama")),
        List.of(new CompleteCheckpoint("/ckpt/checkpoint-20", 20, 0)),
        List.of("checkpoint-30: rank 3 is missing"));
  }

  private void exits(JobId id, ExitReport report) {
    Job job = state.job(id).orElseThrow();
    var fence = job.lastAttempt().orElseThrow().fence();
    List<NodeId> nodes = job.table().orElseThrow().nodes();
    decide(new ClusterInput.NodeExited(nodes.get(0), fence, report));
    if (state.job(id).orElseThrow().phase() == JobPhase.STOPPING) {
      nodes.forEach(n -> decide(new ClusterInput.NodeExited(n, fence, Exit.stopped())));
    }
  }

  private static ExitReport failed(String message) {
    return new ExitReport(
        ExitReport.Outcome.FAILED,
        Optional.of(1),
        Optional.empty(),
        Optional.of(
            new FirstFailure(
                0,
                0,
                Optional.of(1),
                Optional.empty(),
                Instant.EPOCH,
                message,
                LONGEST_TRACEBACK,
                false)),
        true,
        false,
        Optional.empty(),
        List.of(),
        Instant.EPOCH);
  }

  // as the coordinator's shell stores

  private Decision decide(ClusterInput input) {
    Decision decision = machine.decide(state, input, now);
    for (ClusterEvent event : decision.events()) {
      eventBytes += codec.write(event).length;
      events++;
      state = state.evolve(event);
    }
    largest = Math.max(largest, snapshotBytes + eventBytes);
    assertThat(snapshotBytes + eventBytes).isLessThanOrEqualTo(SeatLimits.MAX_STATE_BYTES);
    assertThat(events).isLessThanOrEqualTo(SeatLimits.MAX_EVENTS_SINCE_SNAPSHOT);
    boolean full = SeatLimits.wantCompaction(snapshotBytes, events, eventBytes);
    boolean forgot = input instanceof ClusterInput.StateLarge && !decision.events().isEmpty();
    if (full || forgot) {
      compact();
    }
    return decision;
  }

  private void compact() {
    snapshotBytes = snapshot();
    eventBytes = 0;
    events = 0;
    largest = Math.max(largest, snapshotBytes);
    if (snapshotBytes > SeatLimits.FORGET_ABOVE_BYTES) {
      decide(new ClusterInput.StateLarge(snapshotBytes, SeatLimits.FORGET_ABOVE_BYTES));
    }
  }

  private int snapshot() {
    return codec.writeSnapshot(state).length;
  }
}
