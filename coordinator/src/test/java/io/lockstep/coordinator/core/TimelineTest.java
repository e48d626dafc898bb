package io.lockstep.coordinator.core;

import static io.lockstep.coordinator.core.ACluster.A;
import static io.lockstep.coordinator.core.ACluster.SECOND;
import static io.lockstep.coordinator.core.ACluster.node;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.StartLengths;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Where the time of an attempt went, by its events alone. */
class TimelineTest {
  private final ACluster cluster = ACluster.aPreparingJob(2, AJob.of(2), 3);

  private Timeline of(int attempt) {
    return cluster.state.timeline(cluster.job(), new Attempt(attempt));
  }

  private void passes(long seconds) {
    cluster.now = cluster.now.plusSeconds(seconds);
  }

  private void steps(long step) {
    cluster.when(new ClusterInput.StepSeen(cluster.fence(A), step));
  }

  @Test
  void aFirstAttemptBeginsWithItsPlan() {
    passes(1);
    cluster.prepares(A);
    passes(4);
    cluster.starts(A);
    assertThat(of(1)).hasToString("5.00 s: prepare 1.00, start 4.00");
    passes(2);
    steps(1);

    assertThat(of(1)).hasToString("7.00 s: prepare 1.00, start 4.00, first step 2.00");
    assertThat(newest().reason().message())
        .isEqualTo(
            "training is at step 1; after 7.00 s: prepare 1.00, start 4.00, first step 2.00");
  }

  @Test
  void aRestartBeginsWithTheFaultAndEachPartFollowsTheOneBefore() {
    cluster.runs(A);
    Fence first = cluster.fence(A);
    Instant fault = cluster.now;
    passes(2);
    cluster.when(
        new ClusterInput.NodeExited(node("n2"), first, Exit.killed(1), Optional.of(fault)));
    passes(1);
    cluster.prepared(A, node("n2"));
    passes(3);
    cluster.exits("n1", first, Exit.stopped());
    cluster.prepared(A, node("n1"));
    passes(5);
    cluster.starts(A);
    passes(1);
    steps(1);

    assertThat(of(2))
        .hasToString(
            "12.00 s: detect 2.00, decide 0.00, stop 4.00, prepare 0.00, start 5.00,"
                + " first step 1.00");
    assertThat(newest().reason().message()).contains("; back after 12.00 s: detect 2.00, ");
    steps(100);
    assertThat(newest().reason().message()).isEqualTo("training is at step 100");
  }

  @Test
  void theWaitForALeaseIsThePartThatIsCalledStop() {
    cluster.runs(A);
    cluster.silent("n2");
    passes(1);
    cluster.prepares(A);
    cluster.after(Duration.ofSeconds(9));
    cluster.starts(A);
    steps(1);

    List<Timeline.Part> parts = of(2).parts();

    assertThat(parts).contains(new Timeline.Part("prepare", SECOND));
    assertThat(parts).contains(new Timeline.Part("stop", Duration.ofSeconds(9)));
  }

  private void steps(long step, long forkMillis, Optional<Long> rendezvousMillis) {
    var lengths = new StartLengths(forkMillis, rendezvousMillis);
    cluster.when(new ClusterInput.StepSeen(cluster.fence(A), step, Optional.of(lengths)));
  }

  @Test
  void theForkIsTheEndOfTheStartAndTheRendezvousTheBeginOfTheWayToTheFirstStep() {
    cluster.prepares(A);
    passes(4);
    cluster.starts(A);
    passes(6);
    steps(1, 3_500, Optional.of(5_000L));

    String parts = "prepare 0.00, start 0.50, fork 3.50, rendezvous 5.00, first step 1.00";
    assertThat(of(1)).hasToString("10.00 s: " + parts);
    assertThat(newest().reason().message()).endsWith("; after 10.00 s: " + parts);
  }

  @Test
  void aPartIsNeverLongerThanWhatItIsAPartOf() {
    cluster.prepares(A);
    passes(4);
    cluster.starts(A);
    passes(1);
    steps(1, 9_000, Optional.of(9_000L));

    assertThat(of(1))
        .hasToString(
            "5.00 s: prepare 0.00, start 0.00, fork 4.00, rendezvous 1.00, first step 0.00");
  }

  @Test
  void whatIsHeardOfTheRendezvousAfterTheFirstStepIsStillShown() {
    cluster.prepares(A);
    passes(4);
    cluster.starts(A);
    passes(1);
    steps(1, 1_000, Optional.empty());
    assertThat(of(1)).hasToString("5.00 s: prepare 0.00, start 3.00, fork 1.00, first step 1.00");
    passes(9);
    steps(2, 1_000, Optional.of(250L));

    String known = "5.00 s: prepare 0.00, start 3.00, fork 1.00, rendezvous 0.25, first step 0.75";
    assertThat(of(1)).hasToString(known);
    steps(4, 7_000, Optional.of(7_000L));
    assertThat(of(1)).hasToString(known);
  }

  @Test
  void whatTheHistoryHasForgottenIsLeftOut() {
    cluster.runs(A);
    steps(1);
    List<HistoryEntry> late =
        cluster.state.history().stream()
            .filter(e -> !e.type().equals("AttemptReleased"))
            .filter(e -> !e.type().equals("NodePrepared"))
            .toList();

    assertThat(
            Timeline.of(late, cluster.job(), new Attempt(1), Optional.empty(), Optional.empty())
                .parts())
        .extracting(Timeline.Part::name)
        .containsExactly("first step");
    assertThat(
            Timeline.of(
                    List.of(), cluster.job(), new Attempt(1), Optional.empty(), Optional.empty())
                .parts())
        .isEmpty();
  }

  private HistoryEntry newest() {
    List<HistoryEntry> all = cluster.state.history();
    return all.get(all.size() - 1);
  }
}
