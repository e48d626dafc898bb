package io.lockstep.deploy.run;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.stream.Stream;

/**
 * Removes locks that killed builds of DeepSpeed's ops left in the folder that all runs of a user
 * share: the next build would wait for ever.
 */
final class StaleLocks {
  /** No build takes so long; a younger lock may be another run's, at work. */
  static final Duration OLD = Duration.ofMinutes(15);

  private static final int DEPTH = 3;

  private StaleLocks() {}

  static void remove(Path folder, Instant now) throws IOException {
    Instant oldest = now.minus(OLD);
    try (Stream<Path> found =
        Files.find(
            folder,
            DEPTH,
            (path, attributes) ->
                path.endsWith("lock")
                    && attributes.lastModifiedTime().toInstant().isBefore(oldest))) {
      for (Path lock : found.toList()) {
        Files.deleteIfExists(lock);
      }
    } catch (NoSuchFileException e) {
      return; // nothing was ever built here
    }
  }
}
