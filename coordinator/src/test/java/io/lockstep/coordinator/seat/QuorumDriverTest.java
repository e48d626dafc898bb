package io.lockstep.coordinator.seat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.Term;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** The coordinator's side against three seats that answer at once; who is silent is said. */
final class QuorumDriverTest {
  private static final SeatId A = new SeatId("10.0.0.1");
  private static final SeatId B = new SeatId("10.0.0.2");
  private static final SeatId C = new SeatId("10.0.0.3");
  private static final List<SeatId> ALL = List.of(A, B, C);

  private final Map<SeatId, SeatState> seats = new LinkedHashMap<>();
  private final List<SeatId> silent = new ArrayList<>();
  private final List<QuorumOutcome> outcomes = new ArrayList<>();
  private Instant now = Instant.EPOCH;
  private QuorumDriver driver = driver("c1");

  QuorumDriverTest() {
    ALL.forEach(seat -> seats.put(seat, SeatState.empty(new DiskId("disk of " + seat), false)));
  }

  @Test
  void a1ThereAreOneToFiveDifferentSeats() {
    assertThatThrownBy(
            () ->
                new QuorumDriver(List.of(A, A), "c", new FoundingId("f"), new SplittableRandom(1)))
        .hasMessageContaining("1 to 5 different seats");
  }

  @Test
  void a3AllSeatsPresentAndEmptyFoundTheCluster() {
    exchange(driver.begin(now));

    var became = (QuorumOutcome.BecameLeader) outcomes.get(0);
    assertThat(became.founding()).isEqualTo(new FoundingId("founded by c1"));
    assertThat(became.state().version()).isZero();
    assertThat(became.state().membership().members()).hasSize(3);
    assertThat(driver.canAppend()).isTrue();
  }

  @Test
  void a3FoundingWaitsForEveryConfiguredSeatAndNamesTheMissing() {
    silent.add(C);

    exchange(driver.begin(now));
    tick();

    assertThat(driver.isLeader()).isFalse();
    assertThat(lastWaiting().message())
        .isEqualTo(
            "a new cluster is founded only when all 3 configured seats are present and empty:"
                + " 10.0.0.3 has not answered");

    silent.clear();
    tick();
    assertThat(driver.isLeader()).isTrue();
  }

  @Test
  void a3ALostStoreStopsAFoundingUntilAPersonDecides() {
    seats.put(B, SeatState.empty(new DiskId("disk after damage"), true));

    exchange(driver.begin(now));
    tick();

    assertThat(driver.isLeader()).isFalse();
    assertThat(lastWaiting().message())
        .contains("10.0.0.2 had a store that is unreadable")
        .contains("remove the folder seat");
  }

  @Test
  void a4AFoundedClusterNeedsOnlyAMajority() {
    found();
    append("x");
    silent.add(A);

    driver = driver("c2");
    exchange(driver.begin(now));

    assertThat(driver.isLeader()).isTrue();
    assertThat(driver.version()).isEqualTo(1);
    assertThat(driver.founding()).contains(new FoundingId("founded by c1"));
  }

  @Test
  void a5AWriteIsTrueWithAMajorityAndNotBefore() {
    found();
    silent.addAll(List.of(B, C));
    outcomes.clear();
    append("x");
    assertThat(outcomes).isEmpty();
    assertThat(driver.canAppend()).isFalse();

    silent.remove(B);
    tick();

    assertThat(outcomes).containsExactly(new QuorumOutcome.Appended(1));
    assertThat(driver.canAppend()).isTrue();
  }

  @Test
  void a6ASeatThatWasAwayCatchesUpWithoutAWrite() {
    found();
    silent.add(C);
    append("x");
    append("y");
    silent.clear();

    for (int i = 0; i < 6; i++) {
      tick();
    }

    assertThat(seats.get(C)).extracting(s -> s.stored().version()).isEqualTo(2L);
  }

  @Test
  void a7ARefusedCoordinatorStepsDownAndAsksAgainAfterItsWait() {
    found();
    QuorumDriver other = driver("c2");
    QuorumDriver first = driver;
    driver = other;
    exchange(other.begin(now));
    assertThat(other.isLeader()).isTrue();
    driver = first;
    outcomes.clear();

    append("x");

    assertThat(outcomes.get(0)).isInstanceOf(QuorumOutcome.SteppedDown.class);
    assertThat(first.isLeader()).isFalse();
    now = now.plus(SeatLimits.OUTBID_WAIT); // the other one is newer: no quarrel with it
    exchange(first.tick(now));
    assertThat(first.isLeader()).isFalse();
    now = now.plus(SeatLimits.MAX_STEP_DOWN_WAIT);
    exchange(first.tick(now));
    assertThat(first.isLeader()).isTrue();
    assertThat(first.term()).contains(new Term(other.term().orElseThrow().number() + 1));
  }

  @Test
  void a8ASeatWithANewDiskIsVacatedAndThenTakenBackIn() {
    found();
    append("x");
    seats.put(C, SeatState.empty(new DiskId("new disk"), true));
    outcomes.clear();

    for (int i = 0; i < 6; i++) {
      tick();
    }

    assertThat(outcomes)
        .extracting(o -> ((QuorumOutcome.MembershipChanged) o).what())
        .containsExactly(
            "seat 10.0.0.3 lost its disk disk of 10.0.0.3; its place is vacant",
            "seat 10.0.0.3 is taken back in with disk new disk");
    assertThat(driver.membership().orElseThrow().diskOf(C)).contains(new DiskId("new disk"));
    assertThat(seats.get(C)).extracting(s -> s.stored().version()).isEqualTo(1L);
  }

  @Test
  void a8ANewDiskIsInNoMajority() {
    found();
    append("x");
    silent.add(A);
    seats.put(C, SeatState.empty(new DiskId("new disk"), false));

    driver = driver("c2");
    exchange(driver.begin(now));
    tick();

    assertThat(driver.isLeader()).isFalse();
    assertThat(lastWaiting().message())
        .contains("10.0.0.1 has not answered")
        .contains("10.0.0.3 has a new disk");
  }

  @Test
  void compactionReplacesEventsBySnapshotOnEverySeat() {
    found();
    append("x");
    append("y");
    append("z");

    exchange(driver.compact(2, new byte[] {1, 2}, now));

    assertThat(seats.values())
        .allSatisfy(
            seat -> {
              assertThat(seat.stored().snapshotVersion()).isEqualTo(2);
              assertThat(seat.stored().version()).isEqualTo(3);
            });
    append("w");
    assertThat(driver.version()).isEqualTo(4);
  }

  @Test
  void anAppendThatIsTooLargeIsRefusedAndTheNextOneGoesOn() {
    found();
    outcomes.clear();

    exchange(driver.append(List.of(new byte[SeatLimits.MAX_STATE_BYTES + 1]), now));

    assertThat(outcomes.get(0)).isInstanceOf(QuorumOutcome.AppendRefused.class);
    append("x");
    assertThat(driver.version()).isEqualTo(1);
  }

  @Test
  void appendingWithoutLeadingIsABug() {
    assertThatThrownBy(() -> append("x")).isInstanceOf(IllegalStateException.class);
  }

  private QuorumDriver driver(String incarnation) {
    return new QuorumDriver(
        ALL, incarnation, new FoundingId("founded by " + incarnation), new SplittableRandom(1));
  }

  private void found() {
    exchange(driver.begin(now));
    assertThat(driver.isLeader()).isTrue();
  }

  private void append(String event) {
    exchange(driver.append(List.of(event.getBytes(StandardCharsets.UTF_8)), now));
  }

  private void tick() {
    now = now.plus(SeatLimits.TICK);
    exchange(driver.tick(now));
  }

  private Reason lastWaiting() {
    return outcomes.stream()
        .filter(QuorumOutcome.Waiting.class::isInstance)
        .map(o -> ((QuorumOutcome.Waiting) o).reason())
        .reduce((first, second) -> second)
        .orElseThrow();
  }

  /** Carries messages until there are none. */
  private void exchange(QuorumDriver.Step first) {
    var steps = new ArrayDeque<QuorumDriver.Step>(List.of(first));
    while (!steps.isEmpty()) {
      QuorumDriver.Step step = steps.remove();
      outcomes.addAll(step.outcomes());
      for (ToSeat message : step.send()) {
        if (!silent.contains(message.seat())) {
          SeatState state = Objects.requireNonNull(seats.get(message.seat()));
          SeatDecision decision = new SeatMachine(message.seat()).decide(state, message.request());
          seats.put(message.seat(), decision.next());
          steps.add(driver.receive(decision.reply(), now));
        }
      }
    }
  }
}
