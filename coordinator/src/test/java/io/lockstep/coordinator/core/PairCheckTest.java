package io.lockstep.coordinator.core;

import static io.lockstep.coordinator.core.APairWorld.name;
import static io.lockstep.protocol.model.Finding.Severity.FAIL;
import static io.lockstep.protocol.model.Finding.Severity.OK;
import static io.lockstep.protocol.model.Finding.Severity.SKIPPED;
import static io.lockstep.protocol.model.Finding.Severity.WARN;
import static io.lockstep.protocol.model.ReasonCode.NODE_SLOW;
import static io.lockstep.protocol.model.ReasonCode.PAIR_FAILED;
import static io.lockstep.protocol.model.ReasonCode.PAIR_SLOW;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.NodeId;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

/** Who meets whom in a pair check, and whom that names. */
class PairCheckTest {
  // given healthy nodes

  @Test
  void neighboursMeetInOneRound() {
    PairCheck four = APairWorld.of(4).check();

    assertThat(four.met()).extracting(PairGroup::nodes).containsExactly(ids(0, 1), ids(2, 3));
    assertThat(four.round()).isEqualTo(1);
  }

  @Test
  void theOddOneJoinsTheLastPair() {
    assertThat(APairWorld.of(5).check().met())
        .extracting(PairGroup::nodes)
        .containsExactly(ids(0, 1), ids(2, 3, 4));
    assertThat(APairWorld.of(3).check().met())
        .extracting(PairGroup::nodes)
        .containsExactly(ids(0, 1, 2));
  }

  @Test
  void oneNodeHasNobodyToMeet() {
    APairWorld one = APairWorld.of(1);

    assertThat(one.check().met()).isEmpty();
    assertThat(one.found(PAIR_FAILED, SKIPPED)).containsExactly("n0");
  }

  @Property(tries = 200)
  void nothingIsSaidOfHealthyNodes(@ForAll @IntRange(min = 2, max = 60) int size) {
    APairWorld world = APairWorld.of(size);

    assertThat(world.found(PAIR_FAILED, OK)).hasSize(size);
    assertThat(world.found(PAIR_FAILED, FAIL)).isEmpty();
    assertThat(world.found(PAIR_SLOW, WARN)).isEmpty();
    assertThat(world.found(NODE_SLOW, WARN)).isEmpty();
  }

  // given bad nodes

  @Test
  void theBadOneOfFourIsPairedWithAGoodOneAndNamed() {
    APairWorld world = APairWorld.of(4).bad(1);

    assertThat(world.check().round()).isEqualTo(2);
    assertThat(world.check().met().subList(2, 4))
        .extracting(PairGroup::nodes)
        .containsExactly(ids(0, 2), ids(1, 3));
    assertThat(world.sentence(1))
        .startsWith("fails with n0, n3 (connection closed); n0, n3 are well with others; keep it");
    assertThat(world.sentence(0)).startsWith("is well with n2");
  }

  @Property(tries = 500)
  void theOneBadNodeIsTheOneNamed(
      @ForAll @IntRange(min = 3, max = 60) int size, @ForAll @IntRange(max = 59) int any) {
    int bad = any % size;
    APairWorld world = APairWorld.of(size).bad(bad);

    assertThat(world.found(PAIR_FAILED, FAIL)).containsExactly(name(bad));
    assertThat(world.found(PAIR_FAILED, OK)).hasSize(size - 1);
  }

  @Property(tries = 500)
  void ofFourAndMoreTwoBadOnesAreBothNamed(
      @ForAll @IntRange(min = 4, max = 30) int size,
      @ForAll @IntRange(max = 29) int one,
      @ForAll @IntRange(min = 1, max = 29) int further) {
    int first = one % size;
    int second = (first + 1 + further % (size - 1)) % size;
    APairWorld world = APairWorld.of(size).bad(first, second);

    assertThat(world.found(PAIR_FAILED, FAIL))
        .containsExactlyInAnyOrderElementsOf(Set.of(name(first), name(second)));
  }

  @Property(tries = 500)
  void aCheckEndsAndNoGoodNodeIsBlamedForABadOne(
      @ForAll @IntRange(min = 2, max = 40) int size,
      @ForAll Set<@IntRange(max = 39) Integer> anyBad) {
    APairWorld world = APairWorld.of(size);
    var bad = new HashSet<String>();
    for (int node : anyBad) {
      world.bad(node % size);
      bad.add(name(node % size));
    }
    PairCheck check = world.check();

    assertThat(check.round()).isBetween(1, PairCheck.MAX_ROUNDS);
    for (PairGroup group : check.met()) {
      assertThat(group.nodes()).hasSizeBetween(2, 3).doesNotHaveDuplicates();
    }
    world
        .findings()
        .forEach(
            (node, findings) -> {
              boolean named = findings.get(0).todo().startsWith("keep it out");
              assertThat(!named || bad.contains(node)).as(node + " " + findings).isTrue();
            });
  }

  @Test
  void ofTwoItCannotBeTold() {
    APairWorld world = APairWorld.of(2).bad(1);

    assertThat(world.found(PAIR_FAILED, FAIL)).containsExactly("n0", "n1");
    assertThat(world.sentence(0)).contains("no other node was there to tell which of them it is");
    assertThat(world.check().round()).isEqualTo(1);
  }

  @Test
  void oneThatFailsByItselfIsNamedAtOnceAndItsPartnerMeetsAnother() {
    APairWorld world = APairWorld.of(4).broken(3);

    assertThat(world.found(PAIR_FAILED, FAIL)).containsExactly("n3");
    assertThat(world.sentence(3)).startsWith("no GPU");
    assertThat(world.sentence(2)).startsWith("is well with n0");
    assertThat(world.check().met()).hasSize(3);
  }

  @Test
  void oneOfTwoThatFailsByItselfSaysNothingOfTheOther() {
    APairWorld world = APairWorld.of(2).broken(1);

    assertThat(world.found(PAIR_FAILED, FAIL)).containsExactly("n1");
    assertThat(world.found(PAIR_FAILED, SKIPPED)).containsExactly("n0");
  }

  @Test
  void oneThatIsNotTriedIsNoFailure() {
    APairWorld world = APairWorld.of(4).busy(3);

    assertThat(world.found(PAIR_FAILED, FAIL)).isEmpty();
    assertThat(world.found(PAIR_FAILED, SKIPPED)).containsExactly("n3");
    assertThat(world.sentence(3)).isEqualTo("not tried: a job came");
    assertThat(world.check().round()).isLessThanOrEqualTo(PairCheck.MAX_ROUNDS);
  }

  @Test
  void aBadLinkIsToldFromBadNodes() {
    APairWorld world = APairWorld.of(4).badLink(0, 1);

    assertThat(world.found(PAIR_FAILED, FAIL)).containsExactly("n0", "n1");
    assertThat(world.sentence(0)).contains("each of them is well with others; look at what lies");
  }

  // given slow ones

  @Property(tries = 200)
  void aNodeThatMultipliesSlowlyIsNamed(
      @ForAll @IntRange(min = 2, max = 40) int size, @ForAll @IntRange(max = 39) int any) {
    APairWorld world = APairWorld.of(size).multiplies(any % size, 2.1);

    assertThat(world.found(NODE_SLOW, WARN)).containsExactly(name(any % size));
    assertThat(world.found(PAIR_FAILED, FAIL)).isEmpty();
  }

  @Test
  void almostTwiceAsLongIsNotSlow() {
    assertThat(APairWorld.of(4).multiplies(2, 1.9).found(NODE_SLOW, WARN)).isEmpty();
  }

  @Property(tries = 200)
  void aNodeWhoseNetworkIsSlowIsNamed(
      @ForAll @IntRange(min = 6, max = 40) int size, @ForAll @IntRange(max = 39) int any) {
    APairWorld world = APairWorld.of(size).slowNetwork(any % size);

    assertThat(world.found(PAIR_SLOW, WARN)).containsExactly(name(any % size));
  }

  @Test
  void aSlowLinkIsToldFromSlowNodes() {
    APairWorld world = APairWorld.of(6).slowLink(2, 3);

    assertThat(world.found(PAIR_SLOW, WARN)).containsExactly("n2", "n3");
    assertThat(world.findings().getOrDefault("n2", List.of()).get(1).sentence())
        .contains("all-gathers are slow with n3: 50.0 ms, 0.02 GB/s, the median is 0.10 GB/s")
        .contains("each of them is faster with others; look at what lies");
  }

  private static List<NodeId> ids(int... nodes) {
    return java.util.Arrays.stream(nodes).mapToObj(n -> new NodeId(name(n))).toList();
  }
}
