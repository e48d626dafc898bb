package io.lockstep.coordinator.core;

import static io.lockstep.coordinator.core.ACluster.A;
import static io.lockstep.coordinator.core.ACluster.aRunningJob;
import static io.lockstep.coordinator.core.ACluster.events;
import static io.lockstep.coordinator.core.ACluster.node;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.FailureCause;
import io.lockstep.protocol.model.FailureClass;
import io.lockstep.protocol.model.Fence;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Of all reports of an attempt the earliest that is no echo is the root; the others followed. */
class RootCauseTest {
  private static final String ERROR = "KeyError: 'text'";

  private final ACluster cluster = aRunningJob(3, AJob.of(3).procs(2), 3);
  private final Fence first = cluster.fence(A);
  private final Instant start = cluster.now;

  @Test
  void whatPeersSaidBeforeTheRootFollowsFromIt() {
    trains();
    fails("n1", 5.0, Exit.peerLoss(0));
    fails("n3", 5.1, Exit.peerLoss(4));

    fails("n2", 4.9, Exit.killed(2));

    assertThat(root().node()).contains(node("n2"));
    assertThat(root().rank()).contains(2);
    assertThat(root().diagnosis().orElseThrow().at()).contains(at(4.9));
    assertThat(aftermath().nodes()).isEqualTo(2);
    assertThat(aftermath().first())
        .extracting(Aftermath.Followed::node)
        .containsExactlyInAnyOrder(node("n1"), node("n3"));
  }

  @Test
  void whatFailsAfterTheRootIsKnownFollowsFromItOnce() {
    trains();
    fails("n2", 4.9, Exit.killed(2));

    Decision late = fails("n1", 5.0, Exit.peerLoss(0));
    Decision again = fails("n1", 5.0, Exit.peerLoss(0));
    fails("n3", 5.0, Exit.stopped());

    assertThat(events(late, ClusterEvent.FailureFollowed.class)).hasSize(1);
    assertThat(events(again, ClusterEvent.FailureFollowed.class)).isEmpty();
    assertThat(root().code()).isEqualTo(FailureCause.WORKER_KILLED);
    assertThat(aftermath().nodes()).isEqualTo(1);
    assertThat(aftermath().first().get(0).rank()).contains(0);
  }

  @Test
  void ofPeersLossesAloneTheEarliestIsTheRoot() {
    trains();
    fails("n1", 5.0, Exit.peerLoss(0));
    fails("n2", 4.0, Exit.peerLoss(2));
    fails("n3", 6.0, Exit.peerLoss(4));

    assertThat(root().node()).contains(node("n2"));
    assertThat(root().failureClass()).isEqualTo(FailureClass.NETWORK);
    assertThat(aftermath().nodes()).isEqualTo(2);
  }

  @Test
  void anEarlierFailureThatIsHeardLaterIsTheRootAfterAll() {
    trains();
    fails("n1", 8.0, Exit.raised(0, ERROR));

    Decision late = fails("n2", 6.0, Exit.raised(2, "OSError: [Errno 28] No space left on device"));

    assertThat(events(late, ClusterEvent.CauseRefined.class)).hasSize(1);
    assertThat(root().node()).contains(node("n2"));
    assertThat(root().failureClass()).isEqualTo(FailureClass.STORAGE);
    assertThat(aftermath().first())
        .extracting(Aftermath.Followed::node)
        .containsExactly(node("n1"));
    assertThat(cluster.job().counted()).isEqualTo(1);
  }

  @Test
  void timesThatAreNearerThanMessagesAreFastTellNothing() {
    trains();
    fails("n1", 8.00, Exit.raised(0, ERROR));

    fails("n2", 7.95, Exit.raised(2, "ValueError: other"));

    assertThat(root().node()).contains(node("n1"));
    assertThat(aftermath().first().get(0).same()).isFalse();
  }

  @Test
  void oneErrorOfManyRanksIsOneErrorWithOneTraceback() {
    trains();
    fails("n1", 8.0, Exit.raised(0, ERROR));
    fails("n2", 8.2, Exit.raised(2, ERROR));
    fails("n3", 8.3, Exit.raised(4, ERROR));

    assertThat(root().traceback()).isEqualTo("Traceback");
    assertThat(aftermath().first()).hasSize(2).allMatch(Aftermath.Followed::same);
  }

  @Test
  void aJobThatEndsKeepsWhatFollowed() {
    fails("n1", 5.0, Exit.peerLoss(0));
    fails("n2", 4.0, Exit.raised(2, ERROR));
    fails("n3", 5.0, Exit.peerLoss(4));

    assertThat(cluster.phase()).isEqualTo(JobPhase.FAILED);
    assertThat(root().node()).contains(node("n2"));
    assertThat(aftermath().nodes()).isEqualTo(2);
  }

  @Test
  void aNodesClockMayBeAnythingAsItsReportSaysWhenItWasSent() {
    Instant wrong = Instant.parse("1999-01-01T00:00:10Z");
    ExitReport report = Exit.endedAt(wrong.minusSeconds(7), Exit.torchrunFailed());

    assertThat(Causes.failedAt(report, Optional.of(wrong), start)).contains(start.minusSeconds(7));
    assertThat(Causes.failedAt(report, Optional.of(wrong.minusSeconds(60)), start)).contains(start);
    assertThat(Causes.failedAt(report, Optional.empty(), start)).isEmpty();
  }

  private void trains() {
    cluster.when(new ClusterInput.StepSeen(first, 3));
  }

  private Decision fails(String name, double seconds, ExitReport report) {
    return cluster.when(
        new ClusterInput.NodeExited(node(name), first, report, Optional.of(at(seconds))));
  }

  private Instant at(double seconds) {
    return start.plus(Duration.ofMillis(Math.round(seconds * 1_000)));
  }

  private AttemptRecord.Cause root() {
    return cluster.causeOf(1);
  }

  private Aftermath aftermath() {
    return cluster.job().attempts().get(0).aftermath().orElse(Aftermath.NOTHING);
  }
}
