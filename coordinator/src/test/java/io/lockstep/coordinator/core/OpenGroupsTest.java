package io.lockstep.coordinator.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.NodeId;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

final class OpenGroupsTest {
  private static final Comparator<OpenGroup> ORDER =
      Comparator.comparing(OpenGroup::node).thenComparing(g -> g.fence().plan());

  @Provide
  Arbitrary<OpenGroup> group() {
    return Combinators.combine(Arbitraries.integers().between(0, 6), plans())
        .as((node, plan) -> OpenGroup.planned(new NodeId("n" + node), fence(plan), "disk"));
  }

  @Provide
  Arbitrary<List<OpenGroup>> groups() {
    return group().list().ofMaxSize(20).uniqueElements();
  }

  @Provide
  Arbitrary<Integer> plans() {
    return Arbitraries.integers().between(1, 4);
  }

  private static Fence fence(int plan) {
    return new Fence(plan, new JobId("job"), new Attempt(plan));
  }

  @Property(tries = 200)
  void groupsOfANodeAreThoseThatALookAtAllFinds(
      @ForAll("groups") List<OpenGroup> all, @ForAll("group") OpenGroup one) {
    OpenGroups open = OpenGroups.of(all);

    assertThat(open).containsExactlyElementsOf(all.stream().sorted(ORDER).toList());
    assertThat(open.on(one.node()))
        .containsExactlyElementsOf(
            all.stream().filter(g -> g.node().equals(one.node())).sorted(ORDER).toList());
  }

  @Property(tries = 200)
  void aChangeOnOneNodeLeavesTheOthersAsTheyAre(
      @ForAll("groups") List<OpenGroup> all,
      @ForAll("group") OpenGroup one,
      @ForAll("plans") int gone) {
    Function<OpenGroup, Optional<OpenGroup>> change =
        g -> g.fence().plan() <= gone ? Optional.empty() : Optional.of(g.revoked(7));

    OpenGroups changed = OpenGroups.of(all).changedOn(one.node(), change);

    assertThat(changed)
        .containsExactlyElementsOf(
            all.stream()
                .flatMap(
                    g ->
                        g.node().equals(one.node())
                            ? change.apply(g).stream()
                            : Optional.of(g).stream())
                .sorted(ORDER)
                .toList());
  }

  @Property(tries = 200)
  void allButTheAttemptUnderWayAreRevokedOnceAndKeepTheirVersion(
      @ForAll("groups") List<OpenGroup> all, @ForAll("plans") int plan) {
    Optional<Fence> underWay = Optional.of(fence(plan));
    OpenGroups once = OpenGroups.of(all).revokedExcept(underWay, 7).orElseThrow();
    OpenGroups none = once.revokedExcept(Optional.empty(), 9).orElseThrow();

    assertThat(once)
        .allSatisfy(
            g ->
                assertThat(g.revokedAt())
                    .isEqualTo(g.fence().plan() == plan ? Optional.empty() : Optional.of(7L)));
    assertThat(none)
        .allSatisfy(g -> assertThat(g.revokedAt()).contains(g.fence().plan() == plan ? 9L : 7L));
    assertThat(none.revokedExcept(underWay, 11)).contains(none);
    assertThat(once.revokedExcept(underWay, 11)).as("looked at once").isEmpty();
  }

  /** What is remembered of the last look must not hide a group that came or stayed. */
  @Property(tries = 200)
  void whatChangedAfterALookIsRevokedAsIfNobodyHadLooked(
      @ForAll("groups") List<OpenGroup> all,
      @ForAll("group") OpenGroup one,
      @ForAll("plans") int before,
      @ForAll("plans") int after) {
    OpenGroups looked =
        OpenGroups.of(all).revokedExcept(Optional.of(fence(before)), 7).orElseThrow();
    OpenGroups changed =
        looked.changedOn(one.node(), g -> Optional.of(g.prepared(Optional.of("boot"))));
    assertThat(changed.revokedExcept(Optional.of(fence(before)), 9)).as("looked at once").isEmpty();
    OpenGroups more = looked.contains(one) ? changed : changed.plus(List.of(one));

    for (Optional<Fence> underWay : List.of(Optional.of(fence(after)), Optional.<Fence>empty())) {
      assertThat(more.revokedExcept(underWay, 9).orElse(more))
          .isEqualTo(OpenGroups.of(List.copyOf(more)).revokedExcept(underWay, 9).orElseThrow())
          .allMatch(g -> g.revokedAt().isPresent() || Optional.of(g.fence()).equals(underWay));
    }
  }

  @Property(tries = 200)
  void moreGroupsTakeTheirPlaces(
      @ForAll("groups") List<OpenGroup> all, @ForAll("groups") List<OpenGroup> more) {
    List<OpenGroup> added = more.stream().filter(g -> !all.contains(g)).toList();

    assertThat(OpenGroups.of(all).plus(added))
        .isSortedAccordingTo(ORDER)
        .hasSize(all.size() + added.size())
        .containsAll(added)
        .containsAll(all);
  }
}
