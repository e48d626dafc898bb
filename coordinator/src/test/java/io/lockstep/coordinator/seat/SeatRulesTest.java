package io.lockstep.coordinator.seat;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class SeatRulesTest {
  private static final SeatId A = new SeatId("a:1");
  private static final SeatId B = new SeatId("b:1");
  private static final SeatId C = new SeatId("c:1");
  private static final SeatId D = new SeatId("d:1");
  private static final Membership ONE = Membership.founding(Map.of(A, disk(A)));
  private static final Membership THREE =
      Membership.founding(Map.of(A, disk(A), B, disk(B), C, disk(C)));

  private static DiskId disk(SeatId seat) {
    return new DiskId("disk of " + seat);
  }

  @Test
  void whatCanNeverBeIsNamed() {
    assertThat(SeatRules.mistake(THREE, new SeatChange.Add(A))).contains("a:1 is a seat already");
    assertThat(SeatRules.mistake(THREE, new SeatChange.Remove(D))).contains("d:1 is no seat");
    assertThat(SeatRules.mistake(THREE, new SeatChange.Replace(D, A)).orElseThrow())
        .contains("d:1 is no seat");
    assertThat(SeatRules.mistake(THREE, new SeatChange.Replace(A, B)).orElseThrow())
        .contains("b:1 is a seat already");
    assertThat(SeatRules.mistake(ONE, new SeatChange.Remove(A)).orElseThrow())
        .contains("the only seat");
    assertThat(SeatRules.mistake(ONE, new SeatChange.Replace(A, B)).orElseThrow())
        .contains("add b:1, then remove a:1");
    assertThat(SeatRules.mistake(THREE, new SeatChange.Replace(A, D))).isEmpty();
  }

  @Test
  void aChangeThatWouldLeaveNoMajorityIsRefused() {
    var replace = new SeatChange.Replace(A, D);

    assertThat(SeatRules.lostMajority(THREE, replace, Set.of(B, C))).isEmpty();
    assertThat(SeatRules.lostMajority(THREE, replace, Set.of(A, B)).orElseThrow())
        .contains("1 of 3 seats that answer, and 2 must");
    assertThat(SeatRules.lostMajority(THREE, new SeatChange.Remove(A), Set.of(A, B))).isPresent();
    assertThat(SeatRules.lostMajority(THREE, new SeatChange.Remove(C), Set.of(A, B))).isEmpty();
    assertThat(SeatRules.lostMajority(ONE, new SeatChange.Add(B), Set.of(A))).isEmpty();
  }

  @Test
  void setsAreCountedAndDisksAreNot() {
    assertThat(THREE.set()).isEqualTo(1);
    assertThat(THREE.with(A, java.util.Optional.empty()).set()).isEqualTo(1);

    Membership replaced = THREE.replacing(A, D);

    assertThat(replaced.set()).isEqualTo(2);
    assertThat(replaced.joining()).contains(D);
    assertThat(replaced.diskOf(D)).isEmpty();
    assertThat(replaced.with(D, java.util.Optional.of(disk(D))).joining()).isEmpty();
    assertThat(replaced.with(D, java.util.Optional.of(disk(D))).set()).isEqualTo(2);
  }
}
