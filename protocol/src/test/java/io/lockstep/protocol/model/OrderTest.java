package io.lockstep.protocol.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;

/** Attempts, terms and fences say which of two is the older one, and never both. */
final class OrderTest {
  private static final JobId JOB = new JobId("llama");

  @Provide
  Arbitrary<Fence> fences() {
    // few values, so that equal plans are common
    return Combinators.combine(
            Arbitraries.longs().between(1, 4),
            Arbitraries.of("llama", "qwen"),
            Arbitraries.integers().between(1, 3))
        .as((plan, job, attempt) -> new Fence(plan, new JobId(job), new Attempt(attempt)));
  }

  @Property
  void ofTwoFencesOneSupersedesUnlessTheirPlanIsTheSame(
      @ForAll("fences") Fence one, @ForAll("fences") Fence other) {
    boolean samePlan = one.plan() == other.plan();

    assertThat(one.supersedes(other) || other.supersedes(one)).isEqualTo(!samePlan);
    assertThat(one.supersedes(other) && other.supersedes(one)).isFalse();
  }

  @Property
  void noFenceSupersedesItself(@ForAll("fences") Fence fence) {
    assertThat(fence.supersedes(fence)).isFalse();
  }

  @Property
  void supersedingIsTransitive(
      @ForAll("fences") Fence a, @ForAll("fences") Fence b, @ForAll("fences") Fence c) {
    if (a.supersedes(b) && b.supersedes(c)) {
      assertThat(a.supersedes(c)).isTrue();
    }
  }

  @Example
  void theLaterPlanSupersedesAcrossJobsWhateverTheAttempt() {
    var older = new Fence(8, JOB, new Attempt(9));
    var newer = new Fence(9, new JobId("qwen"), new Attempt(1));

    assertThat(newer.supersedes(older)).isTrue();
    assertThat(older.supersedes(newer)).isFalse();
  }

  @Example
  void aFenceReadsAsPlanJobAttempt() {
    assertThat(new Fence(41, JOB, new Attempt(3))).hasToString("41/llama/3");
  }

  @Example
  void plansAndAttemptsCountFromOneTermsFromZero() {
    assertThatThrownBy(() -> new Fence(0, JOB, Attempt.FIRST))
        .hasMessage("plan number must be 1 or more, found: 0");
    assertThatThrownBy(() -> new Attempt(0)).hasMessage("attempt must be 1 or more, found: 0");
    assertThatThrownBy(() -> new Term(-1)).hasMessage("term must be 0 or more, found: -1");
    assertThat(Attempt.FIRST.number()).isEqualTo(1);
    assertThat(Term.NONE.number()).isZero();
  }

  @Property
  void theNextAttemptComesAfter(@ForAll @IntRange(min = 1, max = 1_000_000) int number) {
    var attempt = new Attempt(number);

    assertThat(attempt.isBefore(attempt.next())).isTrue();
    assertThat(attempt.next().isBefore(attempt)).isFalse();
    assertThat(attempt.isBefore(attempt)).isFalse();
    assertThat(attempt.next().number()).isEqualTo(number + 1);
  }

  @Example
  void noAttemptFollowsTheLast() {
    assertThatThrownBy(() -> new Attempt(Integer.MAX_VALUE).next())
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Property
  void attemptsAreOrderedAsTheirNumbers(
      @ForAll @IntRange(min = 1) int one, @ForAll @IntRange(min = 1) int other) {
    assertThat(new Attempt(one).isBefore(new Attempt(other))).isEqualTo(one < other);
    assertThat(new Attempt(one).compareTo(new Attempt(other)))
        .isEqualTo(Integer.compare(one, other));
  }

  @Property
  void termsAreOrderedAsTheirNumbers(
      @ForAll @LongRange(min = 0) long one, @ForAll @LongRange(min = 0) long other) {
    assertThat(new Term(one).isBefore(new Term(other))).isEqualTo(one < other);
    assertThat(new Term(one).compareTo(new Term(other))).isEqualTo(Long.compare(one, other));
  }

  @Property
  void theNextTermIsHigher(@ForAll @LongRange(min = 0, max = Long.MAX_VALUE - 1) long number) {
    assertThat(new Term(number).isBefore(new Term(number).next())).isTrue();
  }
}
