package io.lockstep.coordinator.seat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.coordinator.seat.SeatReply.Standing;
import io.lockstep.protocol.model.Term;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** The seat on a real disk. */
final class SeatDiskTest {
  /** What MVStore writes before an event of this test: 7 bits of its length in each byte. */
  private static final int LENGTH_BYTES = 2;

  private static final SeatId SEAT = new SeatId("10.0.0.1");
  private static final Term TERM = new Term(1);
  private static final Optional<FoundingId> CLUSTER = Optional.of(new FoundingId("cluster-1"));

  @TempDir Path dataDir = Path.of("unset");

  @Test
  void a2WhatWasAcceptedIsThereAfterARestart() throws IOException {
    SeatState before;
    try (SeatDisk disk = SeatDisk.open(dataDir)) {
      write(disk, install(disk, 0));
      for (int version = 1; version <= 300; version++) {
        write(disk, accept(disk, version - 1, event(version)));
      }
      write(disk, new SeatRequest.Promise(1, Optional.empty(), new Term(8), "c8"));
      before = disk.state();
    }
    try (SeatDisk disk = SeatDisk.open(dataDir)) {
      assertThat(disk.state()).isEqualTo(before);
      assertThat(disk.state().promised()).isEqualTo(new Term(8));
      assertThat(disk.state().stored().version()).isEqualTo(300);
    }
  }

  @Test
  void a2ASnapshotReplacesWhatLayThereAlsoAfterARestart() throws IOException {
    try (SeatDisk disk = SeatDisk.open(dataDir)) {
      write(disk, install(disk, 0));
      for (int version = 1; version <= 10; version++) {
        write(disk, accept(disk, version - 1, event(version)));
      }
      write(
          disk,
          new SeatRequest.Install(
              1,
              CLUSTER,
              new Term(2),
              "c2",
              new StoredState(
                  disk.state().stored().membership(), 3, new byte[] {7}, List.of(event(4)))));
    }
    try (SeatDisk disk = SeatDisk.open(dataDir)) {
      assertThat(disk.state().stored().version()).isEqualTo(4);
      assertThat(disk.state().stored().snapshot()).containsExactly(7);
      assertThat(disk.state().stored().events().get(0)).isEqualTo(event(4));
    }
  }

  @Test
  void a8ANewStoreHasANewDiskIdAndKeepsIt() throws IOException {
    DiskId first;
    try (SeatDisk disk = SeatDisk.open(dataDir)) {
      first = disk.state().disk();
      assertThat(disk.state().standing()).isEqualTo(Standing.EMPTY);
    }
    try (SeatDisk disk = SeatDisk.open(dataDir)) {
      assertThat(disk.state().disk()).isEqualTo(first);
    }
    Files.delete(file(1));
    Files.delete(file(2));
    try (SeatDisk disk = SeatDisk.open(dataDir)) {
      assertThat(disk.state().disk()).isNotEqualTo(first);
    }
  }

  @Test
  void a8AnUnreadableStoreIsMovedAsideAndTheSeatIsNotEmptyForAFounding() throws IOException {
    DiskId first = someState();
    overwrite(1);
    overwrite(2);
    expectLost(first);
  }

  @Test
  void a8ATruncatedStoreIsMovedAside() throws IOException {
    DiskId first = someState();
    Files.write(file(1), new byte[0]);
    Files.write(file(2), new byte[100]);
    expectLost(first);
  }

  @Test
  void a8ADamagedEventIsNoticedThoughTheStoreOpens() throws IOException {
    DiskId first = someState();
    damageEvent(1, 20);
    damageEvent(2, 19);
    expectLost(first);
  }

  @Test
  void a8ADamagedLengthIsNoticedAndAsksForNoMemory() throws IOException {
    DiskId first = someState();
    damageLength(1, 20);
    damageLength(2, 20);
    expectLost(first);
  }

  @Test
  void oneUnreadableFileIsMadeAgainFromTheOther() throws IOException {
    for (int number : List.of(1, 2)) {
      DiskId disk = someState();
      overwrite(number);
      expectWhole(disk);
      damageEvent(number, 20);
      expectWhole(disk);
      Files.delete(file(number));
      expectWhole(disk);
    }
  }

  private void overwrite(int number) throws IOException {
    var noise = new byte[(int) Files.size(file(number))];
    Arrays.fill(noise, (byte) 0x5a);
    Files.write(file(number), noise);
  }

  /** Two gigabytes instead of the event's few bytes. */
  private void damageLength(int number, int version) throws IOException {
    byte[] huge = {(byte) 0xff, (byte) 0xff, (byte) 0xff, (byte) 0xff, 0x07};
    byte[] bytes = Files.readAllBytes(file(number));
    byte[] wanted = event(version);
    int found = 0;
    for (int i = LENGTH_BYTES; i + wanted.length <= bytes.length; i++) {
      if (Arrays.equals(bytes, i, i + wanted.length, wanted, 0, wanted.length)) {
        System.arraycopy(huge, 0, bytes, i - LENGTH_BYTES, huge.length);
        found++;
      }
    }
    assertThat(found).isPositive();
    Files.write(file(number), bytes);
  }

  private void damageEvent(int number, int version) throws IOException {
    byte[] bytes = Files.readAllBytes(file(number));
    byte[] wanted = event(version);
    int found = 0;
    for (int i = 0; i + wanted.length <= bytes.length; i++) {
      if (Arrays.equals(bytes, i, i + wanted.length, wanted, 0, wanted.length)) {
        bytes[i + wanted.length / 2] ^= 1;
        found++;
      }
    }
    assertThat(found).isPositive();
    Files.write(file(number), bytes);
  }

  private void expectWhole(DiskId disk) throws IOException {
    try (SeatDisk whole = SeatDisk.open(dataDir)) {
      assertThat(whole.state().disk()).isEqualTo(disk);
      assertThat(whole.state().standing()).isEqualTo(Standing.FOUNDED);
      assertThat(whole.state().stored().version()).isEqualTo(20);
    }
  }

  @Test
  void aStoreInUseIsNotTakenForUnreadable() throws IOException {
    try (SeatDisk disk = SeatDisk.open(dataDir)) {
      assertThatThrownBy(() -> SeatDisk.open(dataDir))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("in use");
      assertThat(disk.state().standing()).isEqualTo(Standing.EMPTY);
    }
  }

  @Test
  void anUnfinishedNewStoreIsNoLostOne() throws IOException {
    Files.createDirectories(dataDir.resolve(SeatDisk.FOLDER));
    Files.writeString(
        dataDir.resolve(SeatDisk.FOLDER).resolve(SeatDisk.FILES.get(0) + SeatDisk.NEW), "half");
    try (SeatDisk disk = SeatDisk.open(dataDir)) {
      assertThat(disk.state().standing()).isEqualTo(Standing.EMPTY);
    }
  }

  @Test
  void aSeatWhoseDiskFailsSaysSoAndNothingElse() {
    var store = new FailingStore();
    try (var host = new SeatHost(SEAT, store, LeaseLaw.Reader.NOTHING, SeatId::address)) {
      var promise = new SeatRequest.Promise(1, Optional.empty(), new Term(1), "c1");
      assertThat(answer(host, promise)).isInstanceOf(SeatReply.Promised.class);
      store.full = true;

      var higher = new SeatRequest.Promise(2, Optional.empty(), new Term(2), "c2");
      SeatReply broken = answer(host, higher);
      assertThat(broken).isInstanceOf(SeatReply.Broken.class);
      assertThat(((SeatReply.Broken) broken).message()).contains("No space left");

      store.full = false;
      assertThat(answer(host, promise)).isInstanceOf(SeatReply.Broken.class);
      assertThat(answer(host, higher)).isInstanceOf(SeatReply.Broken.class);
    }
  }

  @Test
  void aClosedSeatAnswersNobody() throws IOException {
    SeatHost host = SeatHost.open(SEAT, dataDir, LeaseLaw.Reader.NOTHING, SeatId::address);
    host.close();

    assertThatThrownBy(() -> answer(host, new SeatRequest.Promise(1, Optional.empty(), TERM, "c1")))
        .isInstanceOf(CompletionException.class);
  }

  @Test
  @DisabledIfSystemProperty(named = "slow.tests", matches = "false")
  void manyAcceptsKeepFileAndStartBounded() throws IOException {
    int accepts = Integer.getInteger("seat.accepts", 10_000);
    long largest = 0;
    long start = System.nanoTime();
    long[] nanos = new long[accepts];
    try (SeatDisk disk = SeatDisk.open(dataDir)) {
      write(disk, install(disk, 0));
      for (int version = 1; version <= accepts; version++) {
        long before = System.nanoTime();
        write(disk, accept(disk, version - 1, event(version)));
        nanos[version - 1] = System.nanoTime() - before;
        if (version % SeatLimits.COMPACT_AFTER_EVENTS == 0) {
          write(disk, install(disk, version));
          largest = Math.max(largest, disk.bytes());
        }
      }
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    Arrays.sort(nanos);
    long opening = System.nanoTime();
    try (SeatDisk disk = SeatDisk.open(dataDir)) {
      opening = System.nanoTime() - opening;
      assertThat(disk.state().stored().version()).isEqualTo(accepts);
    }
    System.out.printf(
        "seat disk: %d accepts in %.1f s, p50 %.2f ms, p99 %.2f ms, files at most %.1f MiB, at the end"
            + " %.1f MiB, opens in %d ms%n",
        accepts,
        seconds,
        nanos[accepts / 2] / 1e6,
        nanos[accepts * 99 / 100] / 1e6,
        largest / 1048576.0,
        (Files.size(file(1)) + Files.size(file(2))) / 1048576.0,
        opening / 1_000_000);
    assertThat(largest).isLessThan(32 * 1024 * 1024);
    assertThat(Duration.ofNanos(opening)).isLessThan(Duration.ofSeconds(2));
  }

  private Path file(int number) {
    return dataDir.resolve(SeatDisk.FOLDER).resolve(SeatDisk.FILES.get(number - 1));
  }

  private DiskId someState() throws IOException {
    try (SeatDisk disk = SeatDisk.open(dataDir)) {
      if (disk.state().founding().isEmpty()) {
        write(disk, install(disk, 0));
        for (int version = 1; version <= 20; version++) {
          write(disk, accept(disk, version - 1, event(version)));
        }
      }
      return disk.state().disk();
    }
  }

  private void expectLost(DiskId first) throws IOException {
    for (int start = 0; start < 2; start++) {
      try (SeatDisk disk = SeatDisk.open(dataDir)) {
        assertThat(disk.state().disk()).isNotEqualTo(first);
        assertThat(disk.state().standing()).isEqualTo(Standing.LOST);
        assertThat(disk.state().stored().version()).isZero();
      }
    }
    assertThat(
            dataDir
                .resolve(SeatDisk.FOLDER)
                .resolve(SeatDisk.FILES.get(0) + SeatDisk.UNREADABLE + 1))
        .exists();
  }

  private static byte[] event(int version) {
    byte[] event = new byte[200];
    Arrays.fill(event, (byte) version);
    ByteBuffer.wrap(event).putInt(version).putInt(~version);
    return event;
  }

  private static SeatRequest accept(SeatDisk disk, long previous, byte[] event) {
    Membership membership = disk.state().stored().membership();
    return new SeatRequest.Accept(
        1, CLUSTER, TERM, "c1", previous, membership.version(), membership, List.of(event));
  }

  private static SeatRequest install(SeatDisk disk, long version) {
    return new SeatRequest.Install(
        1,
        CLUSTER,
        TERM,
        "c1",
        new StoredState(
            Membership.founding(Map.of(SEAT, disk.state().disk())),
            version,
            new byte[20_000],
            List.of()));
  }

  private static void write(SeatDisk disk, SeatRequest request) throws IOException {
    SeatDecision decision = new SeatMachine(SEAT).decide(disk.state(), request);
    assertThat(decision.changed()).as("%s", decision.reply()).isTrue();
    disk.save(decision.next());
  }

  private static SeatReply answer(SeatHost host, SeatRequest request) {
    CompletableFuture<SeatReply> reply = host.handle(request).toCompletableFuture();
    return reply.join();
  }

  private static final class FailingStore implements SeatStore {
    private SeatState state = SeatState.empty(new DiskId("disk-1"), false);
    volatile boolean full;

    @Override
    public SeatState state() {
      return state;
    }

    @Override
    public void save(SeatState next) throws IOException {
      if (full) {
        throw new IOException("No space left on device");
      }
      state = next;
    }

    @Override
    public void close() {}
  }
}
