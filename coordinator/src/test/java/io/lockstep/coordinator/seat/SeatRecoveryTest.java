package io.lockstep.coordinator.seat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.protocol.model.Term;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two of three seats are lost for good, and a person goes on with the third. */
@SuppressWarnings("NullAway.Init") // JUnit sets the folder
final class SeatRecoveryTest {
  private static final SeatId SELF = new SeatId("10.0.0.1:25520");
  private static final SeatId OTHER = new SeatId("10.0.0.2:25520");
  private static final SeatId THIRD = new SeatId("10.0.0.3:25520");
  private static final FoundingId OLD = new FoundingId("f-1");
  private static final Term TERM = new Term(5);

  @TempDir Path dataDir;

  @Test
  void lookingChangesNothing() throws IOException {
    SeatState before = aSeatOfThree();

    SeatRecovery.Held held = SeatRecovery.look(dataDir, SELF);

    assertThat(held.version()).isEqualTo(2);
    assertThat(held.acceptedTerm()).isEqualTo(TERM);
    assertThat(held.others()).containsExactly(OTHER, THIRD);
    assertThat(stored()).isEqualTo(before);
  }

  @Test
  void theSeatGoesOnAloneFromWhatItHoldsAndAsAnotherFounding() throws IOException {
    SeatState before = aSeatOfThree();

    SeatRecovery.giveUpOthers(dataDir, SELF);

    SeatState after = stored();
    assertThat(after.stored().events()).hasSameSizeAs(before.stored().events());
    assertThat(after.stored().version()).isEqualTo(before.stored().version());
    assertThat(after.promised()).isEqualTo(before.promised());
    assertThat(after.founding()).isPresent().isNotEqualTo(before.founding());
    assertThat(after.replaces()).contains(OLD);
    Membership alone = after.stored().membership();
    assertThat(alone.members()).hasSize(1);
    assertThat(alone.names(SELF, after.disk())).isTrue();
    assertThat(alone.majority()).isEqualTo(1);
    assertThat(alone.set()).isEqualTo(before.stored().membership().set() + 1);
  }

  @Test
  void whoComesBackFromTheOldFoundingIsRefused() throws IOException {
    aSeatOfThree();
    SeatRecovery.giveUpOthers(dataDir, SELF);

    var append =
        new SeatRequest.Accept(
            1,
            Optional.of(OLD),
            TERM.next(),
            "old",
            2,
            1,
            stored().stored().membership(),
            List.of());
    SeatReply reply = new SeatMachine(SELF).decide(stored(), append).reply();

    assertThat(reply)
        .isInstanceOfSatisfying(
            SeatReply.Refused.class,
            refused -> assertThat(refused.why()).isEqualTo(SeatReply.Refusal.OTHER_FOUNDING));
  }

  @Test
  void itSaysWhichFoundingItReplacesSoThatHostsFollow() throws IOException {
    aSeatOfThree();
    SeatRecovery.giveUpOthers(dataDir, SELF);
    var book = new LeaseBook(stored -> LeaseLaw.NONE, SeatId::address, System::nanoTime);

    book.follow(stored());

    assertThat(book.seats().replaces()).contains(OLD.text());
    assertThat(book.seats().seats()).containsExactly(SELF.address());
  }

  @Test
  void aSecondTimeThereIsNobodyLeftToGiveUp() throws IOException {
    aSeatOfThree();
    SeatRecovery.giveUpOthers(dataDir, SELF);

    assertThatThrownBy(() -> SeatRecovery.giveUpOthers(dataDir, SELF))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("only seat");
  }

  @Test
  void whatIsNoSeatsStoreIsRefusedAndNotMade() {
    assertThatThrownBy(() -> SeatRecovery.look(dataDir, SELF))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("no seat's store");
    assertThat(Files.exists(dataDir.resolve("seat"))).isFalse();
  }

  @Test
  void aSeatWhoseDiskIsNewHasNothingToGoOnFrom() throws IOException {
    SeatDisk.open(dataDir).close();

    assertThatThrownBy(() -> SeatRecovery.look(dataDir, SELF))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("belongs to no cluster");
  }

  @Test
  void theStoreOfAnotherHostIsNotTakenForThisOnes() throws IOException {
    aSeatOfThree();

    assertThatThrownBy(() -> SeatRecovery.look(dataDir, new SeatId("10.0.0.9:25520")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("no seat by its own store");
  }

  private SeatState aSeatOfThree() throws IOException {
    try (SeatDisk disk = SeatDisk.open(dataDir)) {
      SeatState empty = disk.state();
      Membership three =
          Membership.founding(
              Map.of(SELF, empty.disk(), OTHER, new DiskId("d-2"), THIRD, new DiskId("d-3")));
      var stored = new StoredState(three, 0, new byte[0], List.of(new byte[] {1}, new byte[] {2}));
      disk.save(empty.accepting(Optional.of(OLD), TERM, "c-1", stored));
      return disk.state();
    }
  }

  private SeatState stored() throws IOException {
    try (SeatDisk disk = SeatDisk.open(dataDir)) {
      return disk.state();
    }
  }
}
