package io.lockstep.coordinator.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** A node whose quarantine is over by time meets idle ones before it is placed again. */
final class QuarantineGateTest {
  private static final Duration MINUTE = Duration.ofMinutes(1);
  private static final Duration LENGTH = QuarantinePolicy.DEFAULT.length();
  private static final APairWorld WELL = APairWorld.of(9);

  private ACluster cluster = ACluster.of(6);

  // whom it meets

  @Test
  void itMeetsTheNextOnesThatAreIdleAndStaysOutMeanwhile() {
    Decision over = quarantineEnds();

    assertThat(ordered(over).partners()).isEqualTo(ACluster.nodes("n2", "n3", "n4"));
    assertThat(ordered(over).nodes()).isEqualTo(ACluster.nodes("n1", "n2", "n3", "n4"));
    assertThat(node().health()).isEqualTo(NodeHealth.QUARANTINED);
    assertThat(node().reason().message())
        .isEqualTo(
            "meets n2, n3, n4 in a pair check, for its quarantine is over by time; placed again when"
                + " it is well; lockstep resume n1 places it now");
  }

  @Test
  void whatMayBeLostIsOrderedAgainWithoutAnotherEvent() {
    Decision over = quarantineEnds();

    Decision again = cluster.tick();

    assertThat(again.events()).isEmpty();
    assertThat(again.actions()).isEqualTo(over.actions());
  }

  @Test
  void neitherBusyNorDrainedNorOtherNodesAreAsked() {
    cluster.when(new ClusterInput.Drain(ACluster.node("n3")));
    flaps("n1");
    cluster.submits(ACluster.A, AJob.of(1));
    cluster.joins("g1", 8);
    String busy = cluster.gang(ACluster.A).get(0).value();
    assertThat(busy).isEqualTo("n2");

    assertThat(ordered(ends()).partners()).isEqualTo(ACluster.nodes("n4", "n5", "n6"));
  }

  @Test
  void twoAtATimeDoNotAskTheSameOnes() {
    flaps("n1");
    flaps("n2");

    List<ClusterAction> both = ends().actions();

    assertThat(both.stream().map(a -> ((ClusterAction.CheckPairs) a).partners()))
        .containsExactly(ACluster.nodes("n3", "n4", "n5"), ACluster.nodes("n6"));
  }

  @Test
  void whoIsAskedIsNotTriedMeanwhile() {
    cluster = ACluster.of(3);
    flaps("n1");
    flaps("n3");
    Duration between = MINUTE.multipliedBy(3);
    cluster.now = cluster.now.plus(LENGTH).minus(between);
    Decision over = cluster.tick();
    assertThat(ordered(over).partners()).isEqualTo(ACluster.nodes("n2", "n3"));

    cluster.now = cluster.now.plus(between);

    assertThat(cluster.tick().actions()).isEqualTo(over.actions());
    cluster.when(checked(over, WELL));
    assertThat(ordered(cluster.tick()).node()).isEqualTo(ACluster.node("n3"));
  }

  @Test
  void whereFewAreWellQuarantinedOnesAreAskedToo() {
    cluster = ACluster.of(4);
    flaps("n1");
    flaps("n3");

    assertThat(ordered(ends()).partners()).isEqualTo(ACluster.nodes("n2", "n4", "n3"));
  }

  /** Else it would keep all others out: each fails with it, and nobody could tell who is bad. */
  @Test
  void aBadNodeThatIsTheLastToBePlacedIsNotTheJudgeOfAllOthers() {
    cluster = ACluster.of(4);
    flaps("n1");
    flaps("n2");
    flaps("n3");
    APairWorld bad = APairWorld.of(9).bad(4);

    Decision over = ends();
    assertThat(ordered(over).partners()).isEqualTo(ACluster.nodes("n4", "n2", "n3"));
    cluster.when(checked(over, bad));

    assertThat(node().health()).isEqualTo(NodeHealth.READY);
    cluster.when(checked(cluster.tick(), bad));
    cluster.when(checked(cluster.tick(), bad));
    assertThat(cluster.state.nodes().values())
        .extracting(Node::health)
        .containsOnly(NodeHealth.READY);
  }

  @Test
  void theInterpreterIsThatOfTheJobThatItWasInLast() {
    AJob job = AJob.of(6).python("/opt/venv/bin/python");
    cluster.submits(ACluster.A, job);
    cluster.runs(ACluster.A);
    finishes();

    assertThat(ordered(quarantineEnds()).python()).contains("/opt/venv/bin/python");
  }

  // what comes of it

  @Test
  void oneThatIsWellIsBackAndSaysWithWhom() {
    cluster.when(checked(quarantineEnds(), WELL));

    assertThat(node().health()).isEqualTo(NodeHealth.READY);
    assertThat(node().reason().message())
        .startsWith("its quarantine is over, and it is well with n2: ");
    assertThat(cluster.tick().actions()).isEmpty();
  }

  /** It trains; and what slows it may be over in a minute. */
  @Test
  void oneThatIsSlowIsBackAndSaysSo() {
    cluster.when(checked(quarantineEnds(), APairWorld.of(9).slowNetwork(1).multiplies(1, 3)));

    assertThat(node().health()).isEqualTo(NodeHealth.READY);
    assertThat(node().reason().message())
        .startsWith("its quarantine is over, and it is well with n2: ")
        .contains(
            ", but slow: all-gathers are slow with n2, n3: 50.0 ms, 0.02 GB/s, the median is 0.10",
            "; a matmul takes 30.0 ms, the median is 10.0 ms")
        .endsWith("; lockstep drain n1 keeps it out");
  }

  @Test
  void whoIsWellWithASlowOneIsNotCalledSlow() {
    cluster.when(checked(quarantineEnds(), APairWorld.of(9).slowNetwork(2).multiplies(2, 3)));

    assertThat(node().reason().message()).doesNotContain("slow");
  }

  @Test
  void oneThatIsBadStaysOutAndSaysWhy() {
    Decision over = quarantineEnds();

    cluster.when(checked(over, APairWorld.of(9).bad(1)));

    Instant until = cluster.now.plus(LENGTH);
    assertThat(node().quarantinedUntil()).contains(until);
    assertThat(node().reason().code()).isEqualTo(ReasonCode.QUARANTINED);
    assertThat(node().reason().message())
        .startsWith(
            "fails with n2, n3 (connection closed); n2, n3 are well with others: so says a pair"
                + " check at the end of its quarantine; not placed, and not tried again before ")
        .endsWith("lockstep resume n1 puts it back");
    assertThat(cluster.tick().actions()).isEmpty();
  }

  @Test
  void eachTimeItIsTriedLaterUpToADay() {
    Decision over = quarantineEnds();
    Instant first = cluster.now;
    Duration longest = Duration.ZERO;
    while (cluster.now.isBefore(first.plus(Duration.ofDays(4)))) {
      cluster.when(checked(over, APairWorld.of(9).bad(1)));
      Instant until = node().quarantinedUntil().orElseThrow();
      Duration next = Duration.between(cluster.now, until);
      assertThat(next).isGreaterThanOrEqualTo(longest).isLessThanOrEqualTo(Duration.ofDays(1));
      longest = next;
      cluster.now = until;
      over = cluster.tick();
    }
    assertThat(longest).isEqualTo(Duration.ofDays(1));
    cluster.when(checked(over, WELL));
    assertThat(node().health()).isEqualTo(NodeHealth.READY);
  }

  @Test
  void aShortQuarantineStillLeavesItAMomentBetweenItsTries() {
    cluster = new ACluster(new QuarantinePolicy(3, Duration.ZERO, true));
    ACluster.nodes("n1", "n2", "n3", "n4").forEach(n -> cluster.joins(n.value(), 0));
    flaps("n1");

    cluster.when(checked(cluster.tick(), APairWorld.of(9).bad(1)));

    assertThat(node().quarantinedUntil()).contains(cluster.now.plus(QuarantineGate.LEAST_RETRY));
  }

  @Test
  void aBadNeighbourIsNotItsFault() {
    cluster.when(checked(quarantineEnds(), APairWorld.of(9).bad(2)));

    assertThat(node().health()).isEqualTo(NodeHealth.READY);
  }

  @Test
  void aBadLinkLetsItOutAndIsNamed() {
    cluster.when(checked(quarantineEnds(), APairWorld.of(9).badLink(1, 2)));

    assertThat(node().health()).isEqualTo(NodeHealth.READY);
    assertThat(node().reason().message())
        .contains("fails with n2", "each of them is well with others: look at what lies between");
  }

  @Test
  void oneThatBreaksByItselfStaysOut() {
    cluster.when(checked(quarantineEnds(), APairWorld.of(9).broken(1)));

    assertThat(node().health()).isEqualTo(NodeHealth.QUARANTINED);
    assertThat(node().reason().message()).startsWith("fails by itself (no GPU): so says a pair");
  }

  @Test
  void withoutTorchOnItItIsBackUntriedAndSaysSo() {
    cluster.when(checked(quarantineEnds(), APairWorld.of(9).withoutTorch(1)));

    assertThat(node().health()).isEqualTo(NodeHealth.READY);
    assertThat(node().reason().message())
        .isEqualTo("its quarantine is over; it was not tried in a pair check: no torch");
  }

  @Test
  void withOneNeighbourAFailureKeepsItOutForADayAtMost() {
    cluster = ACluster.of(2);
    APairWorld bad = APairWorld.of(9).bad(2);
    Decision over = quarantineEnds();
    Instant first = cluster.now;

    int tries = 0;
    while (node().health() == NodeHealth.QUARANTINED) {
      cluster.when(checked(over, bad));
      tries++;
      cluster.now = node().quarantinedUntil().orElse(cluster.now);
      over = cluster.tick();
    }

    assertThat(tries).isBetween(5, 10);
    assertThat(Duration.between(first, cluster.now)).isLessThan(Duration.ofDays(2));
    assertThat(node().reason().message())
        .startsWith("its quarantine is over; it fails with n2 (connection closed); no other node");
  }

  // what cannot be tried

  @Test
  void whatWasNotTriedIsTriedAgainAfterAPauseAndGivenUpAfterTheLimit() {
    Decision next = quarantineEnds();
    Instant first = cluster.now;
    APairWorld busy = APairWorld.of(9).busy(1);

    int tries = 0;
    while (node().health() == NodeHealth.QUARANTINED) {
      tries++;
      cluster.when(checked(next, busy));
      assertThat(cluster.tick().actions()).isEmpty();
      cluster.now = cluster.now.plus(QuarantineGate.PAUSE);
      next = cluster.tick();
    }

    assertThat(tries).isEqualTo(15 + 1);
    assertThat(Duration.between(first, cluster.now))
        .isBetween(
            QuarantineGate.UNTRIED_LIMIT, QuarantineGate.UNTRIED_LIMIT.plus(QuarantineGate.PAUSE));
    assertThat(node().reason().message())
        .isEqualTo("its quarantine is over; it was not tried in a pair check: a job came, for 5m");
  }

  @Test
  void withoutAnIdleNodeItWaitsAndIsBackUntriedAfterTheLimit() {
    flaps("n1");
    cluster.submits(ACluster.A, AJob.of(5));

    Decision over = ends();

    assertThat(over.actions()).noneMatch(a -> a instanceof ClusterAction.CheckPairs);
    assertThat(node().reason().message())
        .contains(
            "waits for a pair check",
            "over by time: no other node of its kind is idle; placed without");
    assertThat(cluster.tick().events()).isEmpty();
    cluster.now = cluster.now.plus(QuarantineGate.UNTRIED_LIMIT);
    cluster.tick();
    assertThat(node().health()).isEqualTo(NodeHealth.READY);
    assertThat(node().reason().message())
        .endsWith("not tried in a pair check: no other node of its kind is idle, for 5m");
  }

  @Test
  void neighboursWithoutTorchLetItBackUntriedAfterTheLimit() {
    APairWorld world = APairWorld.of(9).withoutTorch(2).withoutTorch(3).withoutTorch(4);

    cluster.when(checked(quarantineEnds(), world));

    assertThat(node().reason().message())
        .contains("waits for a pair check", "failed before they met it, and no other is there");
    cluster.now = cluster.now.plus(QuarantineGate.UNTRIED_LIMIT);
    cluster.when(checked(cluster.tick(), world));
    assertThat(node().health()).isEqualTo(NodeHealth.READY);
  }

  @Test
  void whenANodeBecomesIdleItIsAsked() {
    flaps("n1");
    cluster.submits(ACluster.A, AJob.of(5));
    cluster.runs(ACluster.A);
    ends();

    finishes();
    cluster.now = cluster.now.plus(QuarantineGate.PAUSE);

    assertThat(ordered(cluster.tick()).partners()).isEqualTo(ACluster.nodes("n2", "n3", "n4"));
  }

  @Test
  void whereAllNodesFlappedTheyMeetOneAnother() {
    cluster = ACluster.of(3);
    flaps("n1");
    flaps("n2");
    flaps("n3");

    Decision over = ends();

    assertThat(ordered(over).partners()).isEqualTo(ACluster.nodes("n2", "n3"));
    assertThat(over.actions()).hasSize(1);
    cluster.when(checked(over, WELL));
    assertThat(node().health()).isEqualTo(NodeHealth.READY);
    assertThat(ordered(cluster.tick()).node()).isEqualTo(ACluster.node("n2"));
  }

  @Test
  void whereNoOtherNodeIsThereItIsBackAtOnceUntried() {
    cluster = ACluster.of(2);
    cluster.silent("n2");

    quarantineEnds();

    assertThat(node().health()).isEqualTo(NodeHealth.READY);
    assertThat(node().reason().message())
        .endsWith("not tried in a pair check: no other node of its kind is there");
  }

  @Test
  void aCheckThatIsLostIsGivenUpAndAnotherOneHeld() {
    quarantineEnds();

    cluster.now = cluster.now.plus(ClusterAction.CheckPairs.LIMIT.minusSeconds(1));
    assertThat(ordered(cluster.tick()).partners()).isNotEmpty();
    cluster.now = cluster.now.plusSeconds(1);
    cluster.tick();

    assertThat(node().health()).isEqualTo(NodeHealth.READY);
    assertThat(node().reason().message()).contains("nothing came of it within 300 s");
  }

  @Test
  void oneThatHasFailedIsNotLetOutForWantOfAPartner() {
    cluster.when(checked(quarantineEnds(), APairWorld.of(9).bad(1)));
    cluster.submits(ACluster.A, AJob.of(5));

    ends();
    cluster.now = cluster.now.plus(QuarantineGate.UNTRIED_LIMIT);
    cluster.tick();
    assertThat(node().health()).isEqualTo(NodeHealth.QUARANTINED);
    cluster.now = cluster.now.plus(QuarantineGate.FAILING_LIMIT);
    cluster.tick();

    assertThat(node().health()).isEqualTo(NodeHealth.READY);
  }

  // what comes between

  @Test
  void jobsComeFirstAndAreNotPlacedOnIt() {
    Decision over = quarantineEnds();

    cluster.submits(ACluster.A, AJob.of(5));

    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
    assertThat(cluster.gang(ACluster.A)).doesNotContain(ACluster.node("n1"));
    cluster.when(checked(over, APairWorld.of(9).busy(1)));
    assertThat(node().reason().message()).contains("waits for a pair check", ": a job came; ");
  }

  @Test
  void aJobThatWaitsIsPlacedWhenItIsWell() {
    Decision over = quarantineEnds();
    cluster.submits(ACluster.A, AJob.of(6));
    assertThat(cluster.phase()).isEqualTo(JobPhase.QUEUED);

    cluster.when(checked(over, WELL));

    assertThat(cluster.phase()).isEqualTo(JobPhase.PREPARING);
  }

  @Test
  void resumePutsItBackAtOnceAndWhatIsFoundLaterCountsForNothing() {
    Decision over = quarantineEnds();

    cluster.when(new ClusterInput.Resume(ACluster.node("n1")));
    assertThat(node().health()).isEqualTo(NodeHealth.READY);
    Decision late = cluster.when(checked(over, APairWorld.of(9).bad(1)));

    assertThat(late.events()).isEmpty();
    assertThat(node().health()).isEqualTo(NodeHealth.READY);
  }

  @Test
  void oneThatIsLostMeanwhileIsTriedAnewWhenItIsBack() {
    Decision over = quarantineEnds();

    cluster.silent("n1");
    cluster.when(checked(over, WELL));
    assertThat(node().health()).isEqualTo(NodeHealth.LOST);
    assertThat(node().trial()).isEmpty();
    cluster.when(ACluster.helloAgain("n1"));

    assertThat(ordered(ends()).partners()).isEqualTo(ACluster.nodes("n2", "n3", "n4"));
  }

  @Test
  void oneThatIsLostAgainHasStillFailed() {
    cluster.when(checked(quarantineEnds(), APairWorld.of(9).bad(1)));
    Instant since = node().failingSince().orElseThrow();

    flaps("n1");

    assertThat(node().failingSince()).contains(since);
  }

  @Test
  void oneInTroubleIsNotTriedBeforeItIsWell() {
    flaps("n1");
    var trouble = Reason.of(ReasonCode.DISK_FULL, "full");
    cluster.when(new ClusterInput.NodeTrouble(ACluster.node("n1"), Optional.of(trouble)));

    assertThat(ends().actions()).isEmpty();
    cluster.when(new ClusterInput.NodeTrouble(ACluster.node("n1"), Optional.empty()));

    assertThat(ordered(cluster.tick()).node()).isEqualTo(ACluster.node("n1"));
  }

  @Test
  void oneThatWasInTroubleMeanwhileSaysAgainWhyItIsOut() {
    flaps("n1");
    cluster.submits(ACluster.A, AJob.of(5));
    ends();
    var trouble = Reason.of(ReasonCode.DISK_FULL, "full");
    cluster.when(new ClusterInput.NodeTrouble(ACluster.node("n1"), Optional.of(trouble)));
    cluster.when(new ClusterInput.NodeTrouble(ACluster.node("n1"), Optional.empty()));
    cluster.now = cluster.now.plus(QuarantineGate.PAUSE);

    cluster.tick();

    assertThat(node().reason().message()).startsWith("waits for a pair check");
    assertThat(cluster.tick().events()).isEmpty();
  }

  @Test
  void oneThatIsDrainedIsOutOfItsQuarantineWithoutACheck() {
    flaps("n1");
    cluster.when(new ClusterInput.Drain(ACluster.node("n1")));

    assertThat(ends().actions()).isEmpty();
    assertThat(node().health()).isEqualTo(NodeHealth.DRAINING);
    assertThat(node().quarantinedUntil()).isEmpty();
  }

  @Test
  void whereTheSettingsSayNoCheckItIsBackByTimeAlone() {
    cluster = new ACluster(new QuarantinePolicy(3, LENGTH, false));
    ACluster.nodes("n1", "n2").forEach(n -> cluster.joins(n.value(), 0));

    quarantineEnds();

    assertThat(node().health()).isEqualTo(NodeHealth.READY);
    assertThat(node().reason().message()).isEqualTo("its quarantine is over");
  }

  private Decision quarantineEnds() {
    flaps("n1");
    return ends();
  }

  private void flaps(String name) {
    for (int i = 0; i < 3; i++) {
      cluster.now = cluster.now.plus(MINUTE);
      cluster.silent(name);
      cluster.when(ACluster.helloAgain(name));
    }
  }

  private Decision ends() {
    cluster.now = cluster.now.plus(LENGTH);
    return cluster.tick();
  }

  private void finishes() {
    for (NodeId each : cluster.gang(ACluster.A)) {
      cluster.exits(each.value(), Exit.zero());
    }
    assertThat(cluster.phase()).isEqualTo(JobPhase.SUCCEEDED);
  }

  private Node node() {
    return cluster.state.node(ACluster.node("n1")).orElseThrow();
  }

  private static ClusterAction.CheckPairs ordered(Decision decision) {
    return decision.actions().stream()
        .filter(a -> a instanceof ClusterAction.CheckPairs)
        .map(a -> (ClusterAction.CheckPairs) a)
        .findFirst()
        .orElseThrow();
  }

  /** What the check that this decision orders comes to in this world. */
  static ClusterInput.PairsChecked checked(Decision decision, APairWorld world) {
    ClusterAction.CheckPairs ordered = ordered(decision);
    return new ClusterInput.PairsChecked(ordered, world.check(ordered.nodes()));
  }
}
