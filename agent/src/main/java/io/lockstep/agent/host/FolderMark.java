package io.lockstep.agent.host;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import java.util.UUID;

/**
 * The id that the first node writes into a checkpoint folder: nodes that read another one there do
 * not have the same folder, whatever its path.
 */
final class FolderMark {
  static final String FILE = ".lockstep-folder";
  private static final int ID_LENGTH = 36;
  private static final int READS = 20;
  private static final long BETWEEN_READS_MILLIS = 10;

  private FolderMark() {}

  /** Reads it, or writes it where there is none; two nodes at once end with the same one. */
  static Optional<String> of(Path folder) throws IOException {
    Path file = folder.resolve(FILE);
    Optional<String> known = read(file);
    if (known.isPresent()) {
      return known;
    }
    try {
      Files.writeString(
          Files.createFile(
              file,
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-r--r--"))),
          UUID.randomUUID().toString());
    } catch (FileAlreadyExistsException e) {
      // another node is just writing it
    }
    return awaited(file);
  }

  private static Optional<String> awaited(Path file) throws IOException {
    for (int i = 0; i < READS; i++) {
      Optional<String> found = read(file);
      if (found.isPresent()) {
        return found;
      }
      try {
        Thread.sleep(BETWEEN_READS_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return Optional.empty();
      }
    }
    return Optional.empty(); // its writer died between two calls: nothing is compared
  }

  private static Optional<String> read(Path file) throws IOException {
    try {
      return Optional.of(Files.readString(file).strip()).filter(id -> id.length() == ID_LENGTH);
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }
}
