package io.lockstep.coordinator.seat;

import io.lockstep.coordinator.seat.SeatFile.UnreadableException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import org.h2.mvstore.MVStoreException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One seat's synced store: two files with the same content, written one after the other (A2, A8).
 *
 * <p>MVStore takes a chunk for whole when its first and last block are, so a power cut in the
 * middle of a commit can leave a file unreadable; a site that loses power would lose all seats at
 * once. With the second file written only after the first is synced, one of them always holds
 * everything that was answered for.
 */
final class SeatDisk implements SeatStore {
  static final String FOLDER = "seat";
  static final List<String> FILES = List.of("seat-1.mv", "seat-2.mv");
  static final String NEW = ".new";
  static final String UNREADABLE = ".unreadable";

  /**
   * Unreadable versions of a file that are kept for the operator; a further one replaces the last.
   */
  static final int MAX_UNREADABLE = 4;

  private static final Logger log = LoggerFactory.getLogger(SeatDisk.class);

  private final List<SeatFile> files;
  private SeatState state;
  private long saves;

  /**
   * Opens the store in {@code dataDir}, or makes an empty one with a new disk id. A file that is
   * unreadable is moved aside and made again from the other; both unreadable means a lost store.
   *
   * @throws IOException when the store can be neither read nor replaced: another process has it, or
   *     the folder is not writable
   */
  static SeatDisk open(Path dataDir) throws IOException {
    Path folder = dataDir.resolve(FOLDER);
    Files.createDirectories(folder);
    var readable = new ArrayList<SeatFile>();
    var missing = new ArrayList<Path>();
    try {
      for (String name : FILES) {
        Path file = folder.resolve(name);
        if (!Files.exists(file)) {
          missing.add(file);
          continue;
        }
        try {
          readable.add(SeatFile.open(file));
        } catch (UnreadableException e) {
          moveAside(file, e);
          missing.add(file);
        }
      }
      if (readable.size() == 2
          && !readable.get(0).state().disk().equals(readable.get(1).state().disk())) {
        throw new IOException(
            "the files in %s are of two different disks, %s and %s; keep those of one"
                .formatted(folder, readable.get(0).state().disk(), readable.get(1).state().disk()));
      }
      SeatState state = newest(readable, folder);
      long saves = readable.stream().mapToLong(SeatFile::saves).max().orElse(0);
      for (Path file : missing) {
        readable.add(make(file, state, saves));
      }
      var disk = new SeatDisk(List.copyOf(readable), state, saves);
      disk.alignFiles();
      return disk;
    } catch (IOException | RuntimeException e) {
      readable.forEach(SeatFile::close);
      throw e;
    }
  }

  private static SeatState newest(List<SeatFile> readable, Path folder) throws IOException {
    var newest = readable.stream().max(Comparator.comparingLong(SeatFile::saves));
    if (newest.isPresent()) {
      return newest.get().state();
    }
    boolean lost;
    try (var names = Files.list(folder)) {
      lost = names.anyMatch(name -> name.getFileName().toString().contains(UNREADABLE));
    }
    var disk = new DiskId(UUID.randomUUID().toString());
    if (lost) {
      log.error(
          "the seat store in {} is lost. This seat starts empty with the new disk id {} and counts in"
              + " no majority until the others have taken it back in",
          folder,
          disk);
    }
    return SeatState.empty(disk, lost);
  }

  private static void moveAside(Path file, UnreadableException why) throws IOException {
    int number = 1;
    while (number < MAX_UNREADABLE && Files.exists(aside(file, number))) {
      number++;
    }
    Files.move(file, aside(file, number), StandardCopyOption.REPLACE_EXISTING);
    syncFolder(file.toAbsolutePath().getParent());
    log.error("{} is unreadable ({}); moved to {}", file, why.getMessage(), aside(file, number));
  }

  private static Path aside(Path file, int number) {
    return file.resolveSibling(file.getFileName() + UNREADABLE + number);
  }

  /** Under another name first: a file of the right name is a complete one, or it was damaged. */
  private static SeatFile make(Path file, SeatState state, long saves) throws IOException {
    Path fresh = file.resolveSibling(file.getFileName() + NEW);
    Files.deleteIfExists(fresh);
    try {
      SeatFile.create(fresh, state, saves);
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
      Path folder = file.toAbsolutePath().getParent();
      syncFolder(folder);
      syncFolder(folder == null ? null : folder.getParent());
      return SeatFile.open(file);
    } catch (MVStoreException | UnreadableException e) {
      throw new IOException("cannot make " + file, e);
    }
  }

  private SeatDisk(List<SeatFile> files, SeatState state, long saves) {
    this.files = files;
    this.state = state;
    this.saves = saves;
  }

  /** After a crash between the two writes. */
  private void alignFiles() throws IOException {
    for (SeatFile file : files) {
      if (file.saves() != saves) {
        file.save(state, saves);
      }
    }
  }

  @Override
  public SeatState state() {
    return state;
  }

  @Override
  public void save(SeatState next) throws IOException {
    for (SeatFile file : files) {
      file.save(next, saves + 1);
    }
    state = next;
    saves++;
  }

  /** Of both files. */
  long bytes() {
    return files.stream().mapToLong(SeatFile::bytes).sum();
  }

  @Override
  public void close() {
    files.forEach(SeatFile::close);
  }

  private static void syncFolder(@Nullable Path folder) throws IOException {
    if (folder == null) {
      return;
    }
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }
}
