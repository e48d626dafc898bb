package io.lockstep.coordinator.seat;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.protocol.model.Term;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Seats that end in the middle of a write: torn blocks, kill -9, a full disk. */
final class SeatCrashTest {
  private static final SeatId SEAT = new SeatId("10.0.0.1");
  private static final Optional<FoundingId> CLUSTER = Optional.of(new FoundingId("cluster-1"));
  private static final int BLOCK = 4096;
  private static final int COMMITS = 100;
  private static final int TORN_PER_COMMIT = 4;
  private static final int KILLS = 4;

  @TempDir Path dataDir = Path.of("unset");

  /** The blocks of one commit reach the disk in any order; what was synced before is whole. */
  @Test
  void aTornCommitLeavesTheOldStateOrTheNewOne() throws IOException {
    var random = new SplittableRandom(7);
    int unreadable = 0;
    int oldStates = 0;
    int newStates = 0;
    try (SeatDisk disk = SeatDisk.open(dataDir)) {
      for (int i = 0; i < COMMITS; i++) {
        SeatState before = disk.state();
        List<byte[]> old = files(dataDir);
        disk.save(decide(disk.state(), next(disk.state(), random)).next());
        List<byte[]> now = files(dataDir);
        for (int torn = 0; torn < TORN_PER_COMMIT; torn++) {
          boolean inFirst = torn % 2 == 0;
          SeatState found =
              inFirst
                  ? reopened(torn(old.get(0), now.get(0), random), old.get(1))
                  : reopened(now.get(0), torn(old.get(1), now.get(1), random));
          assertThat(found)
              .as("commit %d torn in file %d", i, inFirst ? 1 : 2)
              .isIn(inFirst ? List.of(before, disk.state()) : List.of(disk.state()));
          if (found.equals(before)) {
            oldStates++;
          } else {
            newStates++;
          }
          unreadable += Files.exists(unreadable(1)) || Files.exists(unreadable(2)) ? 1 : 0;
        }
      }
    }
    System.out.printf(
        "torn commits: %d found the old state, %d the new, %d left one file unreadable%n",
        oldStates, newStates, unreadable);
    assertThat(oldStates).isGreaterThan(COMMITS / 4);
    assertThat(newStates).isGreaterThan(COMMITS / 4);
    assertThat(unreadable).as("what the second file is for").isPositive();
  }

  @Test
  void aKilledSeatKnowsEverythingThatItAnsweredFor() throws Exception {
    var random = new SplittableRandom(11);
    long answered = 0;
    for (int kill = 0; kill < KILLS; kill++) {
      Process child = start(dataDir, Integer.MAX_VALUE);
      long last = answered;
      try (BufferedReader out = child.inputReader(StandardCharsets.UTF_8)) {
        int wanted = 200 + random.nextInt(600);
        for (int i = 0; i < wanted; ) {
          String line = out.readLine();
          assertThat(line).as("the child's answers").isNotNull();
          if (line.startsWith("accepted")) {
            last = acceptedIn(line);
            i++;
          }
        }
        // through the handle: the process object would close its pipe too
        assertThat(child.toHandle().destroyForcibly()).isTrue();
        // what it had written to the pipe when it died was answered too
        for (String line = out.readLine(); line != null; line = out.readLine()) {
          last = line.startsWith("accepted ") && line.endsWith(".") ? acceptedIn(line) : last;
        }
      }
      assertThat(child.waitFor(10, TimeUnit.SECONDS)).isTrue();
      try (SeatDisk disk = SeatDisk.open(dataDir)) {
        assertThat(disk.state().stored().version()).isGreaterThanOrEqualTo(last);
        assertThat(disk.state().stored().version()).isLessThanOrEqualTo(last + 1);
        answered = disk.state().stored().version();
      }
    }
    assertThat(answered).isGreaterThan(KILLS * 200);
  }

  @Test
  void aSeatOnAFullDiskBreaksAndKnowsEverythingThatItAnsweredForAfterwards() throws Exception {
    Process child = start(dataDir, 600);
    long last = 0;
    int broken = 0;
    try (BufferedReader out = child.inputReader(StandardCharsets.UTF_8)) {
      for (String line = out.readLine(); line != null && broken < 3; line = out.readLine()) {
        if (line.startsWith("broken")) {
          broken++;
        } else if (line.startsWith("accepted")) {
          assertThat(broken).as("answers after it broke").isZero();
          last = acceptedIn(line);
        }
      }
    } finally {
      child.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
    }
    assertThat(broken).isEqualTo(3);
    assertThat(last).isPositive();
    try (SeatDisk disk = SeatDisk.open(dataDir)) {
      assertThat(disk.state().stored().version()).isBetween(last, last + 1);
    }
  }

  private static long acceptedIn(String line) {
    return Long.parseLong(line.substring("accepted ".length(), line.length() - 1));
  }

  /** The file size that the child may write is limited as a small disk would. */
  private static Process start(Path dataDir, int kilobytes) throws IOException {
    String limit = kilobytes == Integer.MAX_VALUE ? "" : "ulimit -f " + kilobytes + "; ";
    return new ProcessBuilder(
            "bash",
            "-c",
            limit + "exec \"$0\" \"$@\"",
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx128m",
            "-XX:-UsePerfData",
            "-cp",
            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"))
                .replace(File.pathSeparator + File.pathSeparator, File.pathSeparator),
            Writer.class.getName(),
            dataDir.toString())
        .redirectError(ProcessBuilder.Redirect.DISCARD)
        .start();
  }

  /** The child: accepts as fast as its disk does, and says so. */
  static final class Writer {
    private Writer() {}

    public static void main(String[] args) throws IOException {
      var random = new SplittableRandom();
      try (SeatHost host =
          SeatHost.open(SEAT, Path.of(args[0]), LeaseLaw.Reader.NOTHING, SeatId::address)) {
        var asked =
            (SeatReply.Promised)
                host.handle(new SeatRequest.Promise(1, CLUSTER, new Term(1), "c1"))
                    .toCompletableFuture()
                    .join();
        SeatState state =
            new SeatState(
                asked.disk(),
                asked.founding(),
                false,
                asked.term(),
                "c1",
                asked.acceptedTerm(),
                asked.state(),
                Optional.empty());
        while (true) {
          SeatRequest request = next(state, random);
          SeatReply reply = host.handle(request).toCompletableFuture().join();
          if (reply instanceof SeatReply.Accepted accepted) {
            state = decide(state, request).next();
            System.out.println("accepted " + accepted.version() + ".");
          } else {
            System.out.println("broken");
          }
          System.out.flush();
        }
      }
    }
  }

  /** Appends, and now and then a compacted snapshot of a little more. */
  private static SeatRequest next(SeatState state, SplittableRandom random) {
    long version = state.stored().version();
    if (state.founding().isEmpty() || state.stored().events().size() > 40) {
      return new SeatRequest.Install(
          1,
          CLUSTER,
          new Term(1),
          "c1",
          new StoredState(
              Membership.founding(Map.of(SEAT, state.disk())),
              version + 1,
              bytes(version + 1, 1_000 + random.nextInt(20_000) + (int) (version * 10)),
              List.of()));
    }
    Membership membership = state.stored().membership();
    return new SeatRequest.Accept(
        1,
        CLUSTER,
        new Term(1),
        "c1",
        version,
        membership.version(),
        membership,
        List.of(bytes(version + 1, 10 + random.nextInt(3_000))));
  }

  private static byte[] bytes(long seed, int size) {
    byte[] bytes = new byte[size];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  private static SeatDecision decide(SeatState state, SeatRequest request) {
    SeatDecision decision = new SeatMachine(SEAT).decide(state, request);
    assertThat(decision.reply()).isInstanceOf(SeatReply.Accepted.class);
    return decision;
  }

  /** Some blocks as they were, some as they are now; the file as long as its last new block. */
  private static byte[] torn(byte[] old, byte[] now, SplittableRandom random) {
    byte[] torn = Arrays.copyOf(old, Math.max(old.length, now.length));
    int length = old.length;
    for (int at = 0; at < now.length; at += BLOCK) {
      int end = Math.min(at + BLOCK, now.length);
      boolean same = end <= old.length && Arrays.equals(old, at, end, now, at, end);
      if (!same && random.nextInt(3) != 0) {
        System.arraycopy(now, at, torn, at, end - at);
        length = Math.max(length, end);
      }
    }
    return Arrays.copyOf(torn, length);
  }

  private SeatState reopened(byte[] first, byte[] second) throws IOException {
    Path copy = dataDir.resolve("torn");
    Files.createDirectories(copy.resolve(SeatDisk.FOLDER));
    Files.deleteIfExists(unreadable(1));
    Files.deleteIfExists(unreadable(2));
    Files.write(file(copy, 1), first);
    Files.write(file(copy, 2), second);
    try (SeatDisk disk = SeatDisk.open(copy)) {
      return disk.state();
    }
  }

  private Path unreadable(int number) {
    Path file = file(dataDir.resolve("torn"), number);
    return file.resolveSibling(file.getFileName() + SeatDisk.UNREADABLE + 1);
  }

  private static List<byte[]> files(Path dataDir) throws IOException {
    return List.of(Files.readAllBytes(file(dataDir, 1)), Files.readAllBytes(file(dataDir, 2)));
  }

  private static Path file(Path dataDir, int number) {
    return dataDir.resolve(SeatDisk.FOLDER).resolve(SeatDisk.FILES.get(number - 1));
  }
}
