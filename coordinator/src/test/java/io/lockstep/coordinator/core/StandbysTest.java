package io.lockstep.coordinator.core;

import static io.lockstep.coordinator.core.ACluster.A;
import static io.lockstep.coordinator.core.ACluster.B;
import static io.lockstep.coordinator.core.ACluster.SECOND;
import static io.lockstep.coordinator.core.ACluster.node;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.StandbyOrder;
import io.lockstep.protocol.model.WarmStatus;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** For which job a spare keeps a warm pool. Job a has n1 and n2, n3 is its spare. */
class StandbysTest {
  private static final Optional<WarmStatus> NOTHING = Optional.empty();

  private final ACluster cluster = ACluster.aPreparingJob(2, AJob.of(2).spares(1), 3);

  private static Optional<WarmStatus> pool(JobId job, Optional<Fence> standsBy) {
    return Optional.of(
        new WarmStatus(job, standsBy, WarmStatus.Phase.READY, Optional.empty(), Optional.empty()));
  }

  private Optional<ClusterAction.StandBy> told(String name, Optional<WarmStatus> said) {
    Decision decision = cluster.when(new ClusterInput.WarmSeen(node(name), said));
    assertThat(decision.events()).as("nothing of it is stored").isEmpty();
    return decision.actions().stream().map(ClusterAction.StandBy.class::cast).findFirst();
  }

  private void trains() {
    cluster.runs(A);
    cluster.when(new ClusterInput.StepSeen(cluster.fence(A), 1));
  }

  private Optional<Fence> current() {
    return Optional.of(cluster.fence(A));
  }

  @Test
  void theSpareStandsByWhenTheFirstStepsAreDone() {
    assertThat(told("n3", NOTHING)).as("preparing").isEmpty();
    cluster.runs(A);
    assertThat(told("n3", NOTHING)).as("without a step").isEmpty();
    cluster.when(new ClusterInput.StepSeen(cluster.fence(A), 1));

    StandbyOrder order = told("n3", NOTHING).orElseThrow().order().orElseThrow();

    assertThat(order.fence()).isEqualTo(cluster.fence(A));
    assertThat(order.job()).isEqualTo(cluster.job().spec());
    assertThat(order.procsPerNode()).isEqualTo(1);
    assertThat(told("n3", pool(A, current()))).as("it does already").isEmpty();
  }

  @Test
  void theGangIsToldThatItsStartIsOver() {
    cluster.runs(A);

    Decision decision = cluster.when(new ClusterInput.StepSeen(cluster.fence(A), 1));

    assertThat(decision.actions())
        .extracting(action -> ((ClusterAction.StandBy) action).node())
        .containsExactly(node("n1"), node("n2"));
    assertThat(decision.actions())
        .allSatisfy(
            action ->
                assertThat(((ClusterAction.StandBy) action).order().orElseThrow().fence())
                    .isEqualTo(cluster.fence(A)));
    assertThat(cluster.when(new ClusterInput.StepSeen(cluster.fence(A), 1)).actions())
        .as("the same step again")
        .isEmpty();
    assertThat(cluster.when(new ClusterInput.StepSeen(cluster.fence(A), 2)).actions())
        .as("in case the first was lost")
        .hasSize(2);
  }

  @Test
  void whereNoStepCanBeReadItWaitsAWhile() {
    cluster.runs(A);
    cluster.after(Standbys.WITHOUT_STEPS.minus(SECOND));
    assertThat(told("n3", NOTHING)).isEmpty();
    cluster.after(SECOND);
    assertThat(told("n3", NOTHING)).isPresent();
  }

  @Test
  void aNodeOfTheGangKeepsItsOwn() {
    trains();

    assertThat(told("n1", NOTHING)).isEmpty();
    assertThat(told("n1", pool(A, Optional.empty()))).isEmpty();
  }

  @Test
  void whatTheSpareHasStaysWhileItIsTakenAndIsNotOrderedToEnd() {
    trains();
    Optional<WarmStatus> kept = pool(A, current());
    cluster.silent("n2");

    assertThat(cluster.gang()).contains(node("n3"));
    assertThat(told("n3", kept)).isEmpty();
  }

  @Test
  void theNextAttemptIsStoodByForWithTheSamePool() {
    trains();
    Optional<WarmStatus> kept = pool(A, current());
    Fence first = cluster.fence(A);
    cluster.exits("n1", first, Exit.killed(0));
    assertThat(told("n3", kept)).as("between two attempts").isEmpty();
    cluster.exits("n2", first, Exit.stopped());
    cluster.prepares(A);
    cluster.starts(A);
    assertThat(told("n3", kept)).as("not past its first steps").isEmpty();
    cluster.when(new ClusterInput.StepSeen(cluster.fence(A), 30));

    assertThat(told("n3", kept).orElseThrow().order().orElseThrow().fence())
        .isEqualTo(cluster.fence(A));
  }

  @Test
  void aJobThatIsOverLeavesNoPool() {
    trains();
    Optional<WarmStatus> kept = pool(A, current());
    cluster.cancels(A, Duration.ZERO);
    cluster.exits("n1", Exit.stopped());
    cluster.exits("n2", Exit.stopped());
    assertThat(cluster.phase()).isEqualTo(JobPhase.CANCELED);

    ClusterAction.StandBy none = told("n3", kept).orElseThrow();

    assertThat(none.order()).isEmpty();
    assertThat(none.reason().message()).isEqualTo("n3 keeps no warm pool: it is no spare of a");
    assertThat(told("n1", pool(A, Optional.empty())))
        .as("nor does a node that trained")
        .isPresent();
  }

  @Test
  void aSpareThatIsDrainedOrReplacedKeepsNone() {
    trains();
    Optional<WarmStatus> kept = pool(A, current());
    cluster.joins("n4", 0);
    cluster.drains("n3");
    cluster.after(SECOND);
    assertThat(cluster.job().spares()).containsExactly(node("n4"));

    assertThat(told("n3", kept).orElseThrow().order()).isEmpty();
    assertThat(told("n4", NOTHING).orElseThrow().order()).isPresent();
  }

  @Test
  void aPoolOfAnotherJobGivesWay() {
    trains();

    assertThat(told("n3", pool(B, Optional.empty())).orElseThrow().order()).isPresent();
  }

  @Test
  void aNewCoordinatorSaysTheSame() {
    trains();
    cluster.takesOver();

    assertThat(told("n3", NOTHING).orElseThrow().order()).isPresent();
    assertThat(told("n3", pool(A, current()))).isEmpty();
  }

  @Test
  void aSpareKeepsTorchrunEvenForAJobWhoseWorkersStartCold() {
    ACluster cold = ACluster.aRunningJob(2, AJob.of(2).spares(1).warm("off"), 3);
    cold.when(new ClusterInput.StepSeen(cold.fence(A), 1));

    assertThat(cold.when(new ClusterInput.WarmSeen(node("n3"), NOTHING)).actions())
        .singleElement()
        .isInstanceOfSatisfying(
            ClusterAction.StandBy.class, order -> assertThat(order.order()).isPresent());
  }

  @Test
  void aPoolThatFailedIsNotOrderedAgainForTheSameAttempt() {
    trains();
    var failed =
        new WarmStatus(
            A, current(), WarmStatus.Phase.FAILED, Optional.empty(), Optional.of("no module"));

    assertThat(told("n3", Optional.of(failed))).isEmpty();
  }
}
