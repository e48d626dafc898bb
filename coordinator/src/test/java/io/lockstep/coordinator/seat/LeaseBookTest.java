package io.lockstep.coordinator.seat;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.coordinator.seat.LeaseAnswer.Verdict;
import io.lockstep.coordinator.seat.LeaseLaw.Standing;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.Term;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class LeaseBookTest {
  private static final SeatId SEAT = new SeatId("10.0.0.1:25520");
  private static final FoundingId FOUNDING = new FoundingId("f-1");

  private long now = 1_000_000_000L;
  private Standing standing = Standing.PERMITTED;
  private boolean past;
  private int read;
  private final LeaseBook book = new LeaseBook(this::law, SeatId::address, () -> now);

  @Test
  void aSeatWithoutAStateGrantsNothing() {
    assertThat(renew("f-1").answer()).isEqualTo(Verdict.UNKNOWN);
    assertThat(ages().grants()).isEmpty();
  }

  @Test
  void itGrantsWhatItsStatePermitsAndSaysWhen() {
    book.follow(founded());
    assertThat(renew("f-1").answer()).isEqualTo(Verdict.GRANTED);
    after(Duration.ofMillis(450));

    SeatReply.Accepted said = ages();

    assertThat(said.grants()).hasSize(1);
    assertThat(said.grants().get(0).ageMillis()).isEqualTo(450);
    assertThat(said.servingMillis()).isEqualTo(450);
  }

  @Test
  void anotherFoundingsPlanNumbersMeanNothing() {
    book.follow(founded());

    assertThat(renew("f-2").answer()).isEqualTo(Verdict.UNKNOWN);
    assertThat(ages().grants()).isEmpty();
  }

  @Test
  void whatIsOverIsToldToStopAndItsAgeStays() {
    book.follow(founded());
    renew("f-1");
    after(Duration.ofSeconds(1));
    standing = Standing.ENDED;
    book.follow(founded());
    after(Duration.ofSeconds(1));

    assertThat(renew("f-1").answer()).isEqualTo(Verdict.STOP);
    assertThat(ages().grants().get(0).ageMillis()).isEqualTo(2_000);
  }

  @Test
  void nobodyHearsTheAgeOfAGroupThatIsProvenGone() {
    book.follow(founded());
    renew("f-1");
    standing = Standing.ENDED;
    book.follow(founded());
    renew("f-1");
    assertThat(ages().grants()).hasSize(1);

    past = true;
    book.follow(founded());
    renew("f-1");

    assertThat(ages().grants()).isEmpty();
  }

  @Test
  void aStateIsReadByTheFirstWhoAsksAndOnce() {
    book.follow(founded());
    book.follow(founded());
    assertThat(read).isZero();

    renew("f-1");
    renew("f-1");

    assertThat(read).isEqualTo(1);
  }

  @Test
  void whatIsNotKnownIsNeitherGrantedNorStopped() {
    standing = Standing.UNKNOWN;
    book.follow(founded());

    assertThat(renew("f-1").answer()).isEqualTo(Verdict.UNKNOWN);
  }

  @Test
  void whatWasGivenBackIsNotGrantedAgain() {
    book.follow(founded());
    renew("f-1");
    after(Duration.ofSeconds(1));

    book.renew(request("f-1", true));

    assertThat(renew("f-1").answer()).isEqualTo(Verdict.UNKNOWN);
    GrantAge said = ages().grants().get(0);
    assertThat(said.returned()).isTrue();
    assertThat(said.ageMillis()).isEqualTo(1_000);
  }

  @Test
  void agesOlderThanAnyLeaseAreForgotten() {
    book.follow(founded());
    renew("f-1");
    after(LeaseBook.REMEMBERED.plusMillis(1));

    book.follow(founded());

    assertThat(ages().grants()).isEmpty();
  }

  @Test
  void onlyAcceptancesCarryAges() {
    var refused =
        new SeatReply.Refused(
            1, SEAT, new DiskId("d"), Term.NONE, Term.NONE, SeatReply.Refusal.HIGHER_TERM, "no");

    assertThat(book.withAges(refused)).isSameAs(refused);
  }

  private LeaseLaw law(StoredState stored) {
    read++;
    Standing held = standing;
    boolean gone = past;
    return new LeaseLaw() {
      @Override
      public Standing of(Fence fence, NodeId node) {
        return held;
      }

      @Override
      public boolean isPast(Fence fence, NodeId node) {
        return gone;
      }
    };
  }

  private void after(Duration time) {
    now += time.toNanos();
  }

  private LeaseAnswer renew(String founding) {
    return book.renew(request(founding, false));
  }

  private static LeaseRequest request(String founding, boolean returned) {
    return new LeaseRequest(
        founding, 7, new JobId("llama"), 2, new NodeId("n1"), 5, returned, Optional.empty());
  }

  private static SeatState founded() {
    return SeatState.empty(new DiskId("d"), false)
        .accepting(Optional.of(FOUNDING), new Term(1), "c-1", StoredState.EMPTY);
  }

  private SeatReply.Accepted ages() {
    return (SeatReply.Accepted)
        book.withAges(
            new SeatReply.Accepted(
                1, SEAT, new DiskId("d"), new Term(1), 3, 1, 0, 0, java.util.List.of()));
  }
}
