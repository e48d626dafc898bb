package io.lockstep.coordinator.seat;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.coordinator.seat.SeatReply.Accepted;
import io.lockstep.coordinator.seat.SeatReply.NeedsSnapshot;
import io.lockstep.coordinator.seat.SeatReply.Promised;
import io.lockstep.coordinator.seat.SeatReply.Refusal;
import io.lockstep.coordinator.seat.SeatReply.Refused;
import io.lockstep.coordinator.seat.SeatReply.Standing;
import io.lockstep.protocol.model.Term;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** One seat's rules, each test named by the rule that it holds. */
final class SeatMachineTest {
  private static final SeatId SEAT = new SeatId("10.0.0.1");
  private static final DiskId DISK = new DiskId("disk-1");
  private static final FoundingId CLUSTER = new FoundingId("cluster-1");
  private static final Membership MEMBERS = Membership.founding(Map.of(SEAT, DISK));

  private final SeatMachine machine = new SeatMachine(SEAT);
  private SeatState state = SeatState.empty(DISK, false);
  private boolean changed;

  @Test
  void a2WhatChangedIsMarkedToBeSyncedBeforeTheAnswer() {
    promise(1, "c1");
    assertThat(changed).isTrue();

    install(1, "c1", stateOf("a"));
    assertThat(changed).isTrue();

    accept(1, "c1", 1, "b");
    assertThat(changed).isTrue();
  }

  @Test
  void a2AQuestionWithoutChangeNeedsNoSync() {
    install(1, "c1", stateOf("a"));

    assertThat(accept(1, "c1", 1)).isInstanceOf(Accepted.class);
    assertThat(changed).isFalse();
    assertThat(promise(1, "c1")).isInstanceOf(Promised.class);
    assertThat(changed).isFalse();
  }

  @Test
  void a3AnEmptySeatSaysThatItIsEmpty() {
    Promised promised = (Promised) promise(1, "c1");

    assertThat(promised.standing()).isEqualTo(Standing.EMPTY);
    assertThat(promised.founding()).isEmpty();
    assertThat(promised.state().version()).isZero();
  }

  @Test
  void a3ASeatRefusesAnotherFounding() {
    install(1, "c1", stateOf("a"));

    SeatReply reply =
        decide(
            new SeatRequest.Promise(
                9, Optional.of(new FoundingId("cluster-2")), new Term(9), "c9"));

    assertThat(refusal(reply)).isEqualTo(Refusal.OTHER_FOUNDING);
    assertThat(state.promised()).isEqualTo(new Term(1));
  }

  @Test
  void a3APromiseCarriesTheFounding() {
    install(1, "c1", stateOf("a"));

    Promised promised = (Promised) promise(2, "c2");

    assertThat(promised.founding()).contains(CLUSTER);
    assertThat(promised.standing()).isEqualTo(Standing.FOUNDED);
  }

  @Test
  void a4ATermIsGivenToOneIncarnationOnly() {
    promise(3, "c1");

    assertThat(refusal(promise(3, "c2"))).isEqualTo(Refusal.TERM_TAKEN);
    assertThat(promise(3, "c1")).isInstanceOf(Promised.class);
  }

  @Test
  void a4APromiseAnswersWithWhatWasLastAccepted() {
    install(1, "c1", stateOf("a"));
    accept(1, "c1", 1, "b", "c");

    Promised promised = (Promised) promise(5, "c2");

    assertThat(promised.acceptedTerm()).isEqualTo(new Term(1));
    assertThat(promised.state()).isEqualTo(stateOf("a", "b", "c"));
  }

  @Test
  void a4ALowerTermIsNotPromised() {
    promise(3, "c1");

    Refused refused = (Refused) promise(2, "c2");

    assertThat(refused.why()).isEqualTo(Refusal.HIGHER_TERM);
    assertThat(refused.promisedTerm()).isEqualTo(new Term(3));
  }

  @Test
  void a5AWriteOfALowerTermThanThePromisedIsRefused() {
    install(1, "c1", stateOf("a"));
    promise(2, "c2");

    assertThat(refusal(accept(1, "c1", 1, "b"))).isEqualTo(Refusal.HIGHER_TERM);
    assertThat(refusal(install(1, "c1", stateOf("a", "b")))).isEqualTo(Refusal.HIGHER_TERM);
    assertThat(state.stored()).isEqualTo(stateOf("a"));
  }

  @Test
  void a5AcceptingUnderATermPromisesIt() {
    install(4, "c1", stateOf("a"));

    assertThat(refusal(promise(4, "c2"))).isEqualTo(Refusal.TERM_TAKEN);
    assertThat(refusal(promise(3, "c3"))).isEqualTo(Refusal.HIGHER_TERM);
  }

  @Test
  void a5AWriteIsAppendedAndAcceptedAgainWithoutEffect() {
    install(1, "c1", stateOf("a"));

    Accepted first = (Accepted) accept(1, "c1", 1, "b");
    Accepted again = (Accepted) accept(1, "c1", 1, "b");

    assertThat(first.version()).isEqualTo(2);
    assertThat(again.version()).isEqualTo(2);
    assertThat(changed).isFalse();
    assertThat(state.stored()).isEqualTo(stateOf("a", "b"));
  }

  @Test
  void a6ASeatAppendsOnlyToWhatItAcceptedUnderTheSameTerm() {
    install(1, "c1", stateOf("a"));
    promise(2, "c2");

    NeedsSnapshot needs = (NeedsSnapshot) accept(2, "c2", 1, "b");

    assertThat(needs.acceptedTerm()).isEqualTo(new Term(1));
    assertThat(state.stored()).isEqualTo(stateOf("a"));
  }

  @Test
  void a6ASeatThatMissedAWriteAsksForTheSnapshot() {
    install(1, "c1", stateOf("a"));

    assertThat(accept(1, "c1", 2, "c")).isInstanceOf(NeedsSnapshot.class);
  }

  @Test
  void a6AnEmptySeatAsksForTheSnapshot() {
    assertThat(accept(1, "c1", 0, "a")).isInstanceOf(NeedsSnapshot.class);
  }

  @Test
  void a6ASnapshotReplacesEverything() {
    install(1, "c1", stateOf("a", "b", "c"));

    Accepted accepted = (Accepted) install(2, "c2", stateOf("x"));

    assertThat(accepted.version()).isEqualTo(1); // the version alone may go back
    assertThat(state.stored()).isEqualTo(stateOf("x"));
    assertThat(state.acceptedTerm()).isEqualTo(new Term(2));
  }

  @Test
  void a6WhatWouldTakeTheAcceptedStateBackIsRefused() {
    install(2, "c1", stateOf("a"));
    accept(2, "c1", 1, "b");

    assertThat(refusal(install(2, "c1", stateOf("a")))).isEqualTo(Refusal.WOULD_GO_BACK);
    assertThat(state.stored()).isEqualTo(stateOf("a", "b"));
  }

  @Test
  void a6ACompactedSnapshotOfTheSameVersionIsTaken() {
    install(1, "c1", stateOf("a", "b", "c"));

    Accepted accepted = (Accepted) install(1, "c1", stateOf("a", "b", "c").compact(2, text("ab")));

    assertThat(accepted.snapshotVersion()).isEqualTo(2);
    assertThat(accepted.version()).isEqualTo(3);
    assertThat(state.stored().events()).hasSize(1);
  }

  @Test
  void a6AnOlderSnapshotOfTheSameVersionChangesNothing() {
    install(1, "c1", stateOf("a", "b", "c").compact(2, text("ab")));

    assertThat(install(1, "c1", stateOf("a", "b", "c"))).isInstanceOf(Accepted.class);
    assertThat(changed).isFalse();
    assertThat(state.stored().snapshotVersion()).isEqualTo(2);
  }

  @Test
  void a8EveryPromiseAndAcceptanceCarriesTheDiskId() {
    assertThat(((Promised) promise(1, "c1")).disk()).isEqualTo(DISK);
    assertThat(((NeedsSnapshot) accept(1, "c1", 0, "a")).disk()).isEqualTo(DISK);
    assertThat(((Accepted) install(1, "c1", stateOf("a"))).disk()).isEqualTo(DISK);
    assertThat(((Refused) promise(1, "c2")).disk()).isEqualTo(DISK);
  }

  @Test
  void a8ASeatThatLostItsStoreIsNotEmptyForAFounding() {
    state = SeatState.empty(new DiskId("disk-2"), true);

    assertThat(((Promised) promise(1, "c1")).standing()).isEqualTo(Standing.LOST);
  }

  @Test
  void a8AStateThatNamesAnEarlierDiskIsNotTaken() {
    state = SeatState.empty(new DiskId("disk-2"), false);

    assertThat(install(1, "c1", stateOf("a"))).isInstanceOf(NeedsSnapshot.class);
    assertThat(state.founding()).isEmpty();
  }

  @Test
  void a8AMembershipIsAWriteOfItsOwnOrder() {
    install(1, "c1", stateOf("a"));
    Membership vacant = MEMBERS.with(SEAT, Optional.empty());

    Accepted accepted = (Accepted) accept(1, "c1", 1, vacant);

    assertThat(accepted.version()).isEqualTo(1);
    assertThat(accepted.membershipVersion()).isEqualTo(2);
    assertThat(refusal(install(1, "c1", stateOf("a")))).isEqualTo(Refusal.WOULD_GO_BACK);
  }

  @Test
  void aStateLargerThanTheLimitIsRefusedWithTheNumbers() {
    install(1, "c1", stateOf("a"));
    var large = new byte[SeatLimits.MAX_STATE_BYTES];

    Refused refused =
        (Refused)
            decide(
                new SeatRequest.Accept(
                    9, Optional.of(CLUSTER), new Term(1), "c1", 1, 1, MEMBERS, List.of(large)));

    assertThat(refused.why()).isEqualTo(Refusal.TOO_LARGE);
    assertThat(refused.message()).contains(Integer.toString(SeatLimits.MAX_STATE_BYTES));
  }

  private static Refusal refusal(SeatReply reply) {
    return ((Refused) reply).why();
  }

  private SeatReply promise(long term, String incarnation) {
    return decide(new SeatRequest.Promise(1, Optional.empty(), new Term(term), incarnation));
  }

  private SeatReply accept(long term, String incarnation, long previous, String... events) {
    return decide(
        new SeatRequest.Accept(
            2,
            Optional.of(CLUSTER),
            new Term(term),
            incarnation,
            previous,
            1,
            MEMBERS,
            stateOf(events).events()));
  }

  private SeatReply accept(long term, String incarnation, long previous, Membership membership) {
    return decide(
        new SeatRequest.Accept(
            2,
            Optional.of(CLUSTER),
            new Term(term),
            incarnation,
            previous,
            1,
            membership,
            List.of()));
  }

  private SeatReply install(long term, String incarnation, StoredState stored) {
    return decide(
        new SeatRequest.Install(3, Optional.of(CLUSTER), new Term(term), incarnation, stored));
  }

  private SeatReply decide(SeatRequest request) {
    SeatDecision decision = machine.decide(state, request);
    assertThat(decision.reply().request()).isEqualTo(request.request());
    state = decision.next();
    changed = decision.changed();
    return decision.reply();
  }

  private static StoredState stateOf(String... events) {
    return new StoredState(
        MEMBERS, 0, new byte[0], List.of(events).stream().map(SeatMachineTest::text).toList());
  }

  private static byte[] text(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
