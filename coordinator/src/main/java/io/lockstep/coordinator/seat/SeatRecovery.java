package io.lockstep.coordinator.seat;

import io.lockstep.protocol.model.Term;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * Makes the store of one seat a cluster of its own, when so many seats are lost for good that no
 * majority can ever answer again. The daemon must be down.
 *
 * <p>It is a new founding, so what the lost seats still grant, or command, means nothing to hosts
 * that follow this one; and these seats, should they come back, are refused. What only the lost
 * seats had accepted is lost, and whether their side still trains nobody here can know.
 */
public final class SeatRecovery {
  private SeatRecovery() {}

  /**
   * What one seat's store holds.
   *
   * @param written when the store was last written
   */
  public record Held(
      SeatId self,
      DiskId disk,
      FoundingId founding,
      Term acceptedTerm,
      long version,
      Instant written,
      Membership membership) {
    /** The seats that would be given up. */
    public List<SeatId> others() {
      return membership.members().stream()
          .map(Membership.Member::seat)
          .filter(seat -> !seat.equals(self))
          .toList();
    }
  }

  /**
   * Reads the store and changes nothing in it.
   *
   * @throws IOException when there is none, a daemon has it open, or it holds nothing to go on from
   */
  public static Held look(Path dataDir, SeatId self) throws IOException {
    try (SeatDisk disk = open(dataDir)) {
      return held(dataDir, self, disk.state());
    }
  }

  /** Gives all other seats up, in one synced write; a second time it is refused. */
  public static Held giveUpOthers(Path dataDir, SeatId self) throws IOException {
    try (SeatDisk disk = open(dataDir)) {
      Held before = held(dataDir, self, disk.state());
      if (before.others().isEmpty()) {
        throw new IOException(
            self + " is the only seat of its cluster; there is nothing to give up");
      }
      disk.save(disk.state().alone(self, new FoundingId(UUID.randomUUID().toString())));
      return held(dataDir, self, disk.state());
    }
  }

  private static SeatDisk open(Path dataDir) throws IOException {
    Path folder = dataDir.resolve(SeatDisk.FOLDER);
    if (SeatDisk.FILES.stream().map(folder::resolve).noneMatch(Files::exists)) {
      throw new IOException("no seat's store in " + folder + "; is this the right data dir?");
    }
    return SeatDisk.open(dataDir);
  }

  private static Held held(Path dataDir, SeatId self, SeatState state) throws IOException {
    Membership membership = state.stored().membership();
    Optional<FoundingId> founding = state.founding();
    if (founding.isEmpty()) {
      throw new IOException(
          "the store in %s belongs to no cluster: it was never a seat, or its disk was lost; use that of another seat"
              .formatted(dataDir));
    }
    if (!membership.names(self, state.disk())) {
      throw new IOException(
          "%s with disk %s is no seat by its own store, which names %s; use the store of one of those, and the host and ports that they have in the settings"
              .formatted(self, state.disk(), membership));
    }
    Path newest = dataDir.resolve(SeatDisk.FOLDER).resolve(SeatDisk.FILES.get(0));
    return new Held(
        self,
        state.disk(),
        founding.get(),
        state.acceptedTerm(),
        state.stored().version(),
        Files.getLastModifiedTime(newest).toInstant(),
        membership);
  }
}
