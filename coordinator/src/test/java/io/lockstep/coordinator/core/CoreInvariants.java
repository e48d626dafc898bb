package io.lockstep.coordinator.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.NodeId;
import java.time.Instant;
import java.util.List;

/** What must hold after every decision, whatever came in. */
final class CoreInvariants {
  private CoreInvariants() {}

  /** Folds the events and returns the new state. */
  static ClusterState check(
      ClusterState before, ClusterInput input, Decision decision, Instant now) {
    ClusterState state = before;
    for (ClusterEvent event : decision.events()) {
      ClusterState next = state.evolve(event);
      assertThat(next.version()).isEqualTo(state.version() + 1);
      eventHolds(state, event, next);
      state = next;
    }
    assertThat(decision.after(before)).as("the state it carries").isEqualTo(state);
    assertThat(decision.reason().message()).isNotBlank();
    if (decision.refused()) {
      assertThat(decision.events()).isEmpty();
      assertThat(decision.actions()).isEmpty();
    }
    for (Job job : state.jobs().values()) {
      jobHolds(before, job, now);
    }
    for (ClusterAction.Start start : ACluster.actions(decision, ClusterAction.Start.class)) {
      startsTogether(state, start);
    }
    for (Job job : state.jobs().values()) {
      for (OpenGroup group : job.open()) {
        assertThat(group.revokedAt().isPresent())
            .as("%s is revoked or its attempt is under way, after %s", group, input)
            .isNotEqualTo(job.isUnderWay(group.fence()));
      }
    }
    for (NodeId node : state.nodes().keySet()) {
      List<Job> holders = state.jobs().values().stream().filter(j -> j.holds(node)).toList();
      assertThat(holders).as("one job holds %s after %s", node, input).hasSizeLessThanOrEqualTo(1);
    }
    return state;
  }

  private static void eventHolds(ClusterState before, ClusterEvent event, ClusterState after) {
    assertThat(event.reason().message()).isNotBlank();
    event
        .job()
        .flatMap(before::job)
        .ifPresent(
            job ->
                assertThat(job.phase().isTerminal()).as("terminal is final: %s", event).isFalse());
    if (event instanceof ClusterEvent.AttemptPlanned planned) {
      Job job = before.job(planned.id()).orElseThrow();
      assertThat(planned.fence().plan()).as("plan is its version").isEqualTo(after.version());
      assertThat(planned.fence().attempt().number()).isEqualTo(job.attemptsMade() + 1);
      assertThat(planned.table().nnodes()).isEqualTo(job.spec().nodes());
      job.table().ifPresent(t -> assertThat(planned.table().worldSize()).isEqualTo(t.worldSize()));
      for (NodeId node : planned.table().nodes()) {
        Node placed = before.node(node).orElseThrow();
        assertThat(
                placed.lost()
                    || placed.draining()
                    || placed.suspect()
                    || placed.quarantinedUntil().isPresent()
                    || placed.trouble().isPresent())
            .as("%s may be placed", placed)
            .isFalse();
        assertThat(planned.spares()).doesNotContain(node);
      }
      assertThat(
              planned.table().nodes().stream()
                  .map(n -> before.node(n).orElseThrow().inventory().gpus().isEmpty())
                  .distinct())
          .as("GPU and CPU nodes are not mixed")
          .hasSize(1);
    }
    if (event instanceof ClusterEvent.AttemptReleased released) {
      Job job = before.job(released.id()).orElseThrow();
      assertThat(job.open()).allMatch(g -> g.fence().equals(released.fence()));
    }
  }

  private static void jobHolds(ClusterState before, Job job, Instant now) {
    before
        .job(job.id())
        .ifPresent(
            was -> {
              assertThat(job.attemptsMade()).isGreaterThanOrEqualTo(was.attemptsMade());
              assertThat(job.counted()).isGreaterThanOrEqualTo(was.counted() - 1);
              if (was.phase().isTerminal()) {
                assertThat(job).isEqualTo(was);
              }
            });
    Instant oldest = now.minus(job.spec().restart().window());
    assertThat(job.countedAt().stream().filter(t -> !t.isBefore(oldest)).count())
        .as("budget is respected")
        .isLessThanOrEqualTo(job.spec().restart().max());
    switch (job.phase()) {
      case QUEUED -> assertThat(job.current()).isEmpty();
      case PREPARING -> assertThat(job.current().orElseThrow().released()).isFalse();
      case STARTING, RUNNING -> assertThat(job.current().orElseThrow().released()).isTrue();
      case STOPPING -> {
        assertThat(job.ending()).isPresent();
        assertThat(job.open()).as("a stopping job waits for a group").isNotEmpty();
      }
      case SUCCEEDED, FAILED, CANCELED -> {
        assertThat(job.open()).as("a final job has no groups").isEmpty();
        assertThat(job.current()).isEmpty();
        assertThat(job.exitCode()).isPresent();
        assertThat(job.endedAt()).isPresent();
      }
    }
  }

  private static void startsTogether(ClusterState state, ClusterAction.Start start) {
    Job job = state.job(start.fence().job()).orElseThrow();
    AttemptState attempt = job.current().orElseThrow();
    assertThat(attempt.fence()).isEqualTo(start.fence());
    assertThat(attempt.prepared().keySet()).containsAll(attempt.table().nodes());
    assertThat(job.open()).as("no old group lives").allMatch(g -> g.fence().equals(start.fence()));
  }
}
