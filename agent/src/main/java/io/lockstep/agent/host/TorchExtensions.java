package io.lockstep.agent.host;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * Removes the locks that a killed build of a DeepSpeed op leaves: the next build waits for ever.
 */
final class TorchExtensions {
  private static final int DEPTH = 3;

  private TorchExtensions() {}

  /** Only for our own folder, and only while no group of this node lives. */
  static void removeStaleLocks(Path folder) throws IOException {
    try (Stream<Path> found = Files.find(folder, DEPTH, (path, a) -> path.endsWith("lock"))) {
      for (Path lock : found.toList()) {
        Files.deleteIfExists(lock);
      }
    } catch (NoSuchFileException e) {
      return; // nothing was ever built here
    }
  }
}
