package io.lockstep.coordinator.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A node that is lost again and again is kept out of placement for a while. */
final class QuarantineTest {
  private static final Duration MINUTE = Duration.ofMinutes(1);

  private final ACluster cluster = ACluster.of(3);

  @Test
  void theThirdLossWithinAnHourPutsANodeInQuarantineWithAReason() {
    flaps("n1", 2, MINUTE);
    assertThat(health("n1")).isEqualTo(NodeHealth.READY);

    flaps("n1", 1, MINUTE);

    assertThat(health("n1")).isEqualTo(NodeHealth.QUARANTINED);
    Reason reason = node("n1").reason();
    assertThat(reason.code()).isEqualTo(ReasonCode.QUARANTINED);
    assertThat(reason.message()).contains("lost 3 times", "lockstep resume n1");
  }

  @Test
  void itGetsNoRankAndTheJobSaysSo() {
    flaps("n1", 3, MINUTE);

    cluster.submits(ACluster.A, AJob.of(3));

    Reason reason = cluster.state.job(ACluster.A).orElseThrow().reason();
    assertThat(reason.code()).isEqualTo(ReasonCode.WAITING_FOR_NODES);
    assertThat(reason.message()).contains("n1 quarantined");
  }

  @Test
  void itComesBackByTime() {
    flaps("n1", 3, MINUTE);
    cluster.submits(ACluster.A, AJob.of(3));

    cluster.now = cluster.now.plus(QuarantinePolicy.DEFAULT.length());
    Decision over = cluster.tick();
    cluster.when(QuarantineGateTest.checked(over, APairWorld.of(4)));

    assertThat(health("n1")).isEqualTo(NodeHealth.READY);
    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
  }

  @Test
  void itComesBackByResumeAndItsLossesAreForgotten() {
    flaps("n1", 3, MINUTE);

    cluster.when(new ClusterInput.Resume(ACluster.node("n1")));

    assertThat(health("n1")).isEqualTo(NodeHealth.READY);
    flaps("n1", 1, MINUTE);
    assertThat(health("n1")).isEqualTo(NodeHealth.READY);
  }

  @Test
  void lossesFarApartAreNoFlapping() {
    flaps("n1", 5, QuarantinePolicy.WINDOW);

    assertThat(health("n1")).isEqualTo(NodeHealth.READY);
  }

  @Test
  void whatIsDrainedStaysDrainedAfterItsQuarantine() {
    flaps("n1", 3, MINUTE);
    cluster.when(new ClusterInput.Drain(ACluster.node("n1")));

    cluster.now = cluster.now.plus(QuarantinePolicy.DEFAULT.length());
    cluster.tick();

    assertThat(health("n1")).isEqualTo(NodeHealth.DRAINING);
  }

  @Test
  void lossesAreBounded() {
    flaps("n1", QuarantinePolicy.MAX_LOSSES + 5, QuarantinePolicy.WINDOW);

    assertThat(node("n1").losses()).hasSize(QuarantinePolicy.MAX_LOSSES);
  }

  @Test
  void zeroLossesMeanNever() {
    List<Instant> losses = Collections.nCopies(20, cluster.now);

    assertThat(QuarantinePolicy.NEVER.until(losses, cluster.now)).isEmpty();
    assertThatThrownBy(() -> new QuarantinePolicy(21, MINUTE, true))
        .hasMessageContaining("0 to 20");
  }

  private void flaps(String name, int times, Duration apart) {
    for (int i = 0; i < times; i++) {
      cluster.now = cluster.now.plus(apart);
      cluster.silent(name);
      cluster.when(ACluster.helloAgain(name));
    }
  }

  private Node node(String name) {
    return cluster.state.node(ACluster.node(name)).orElseThrow();
  }

  private NodeHealth health(String name) {
    return node(name).health();
  }
}
