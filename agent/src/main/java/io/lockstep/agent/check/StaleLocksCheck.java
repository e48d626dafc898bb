package io.lockstep.agent.check;

import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.ReasonCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;

/**
 * No lock of a killed build of a DeepSpeed op is left: the next build would wait for it for ever.
 * In the daemon's own folder they are removed before an attempt, when no group of this node lives;
 * a user's own folder may be shared with a host that is building right now.
 */
final class StaleLocksCheck implements Check {
  /** No build takes so long. */
  private static final Duration OLD = Duration.ofMinutes(15);

  private static final int DEPTH = 3;

  @Override
  public ReasonCode code() {
    return ReasonCode.STALE_LOCKS;
  }

  @Override
  public Finding look(Subject subject) {
    String theirs = subject.env().getOrDefault("TORCH_EXTENSIONS_DIR", "");
    try {
      if (!theirs.isEmpty()) {
        return lookOnly(Path.of(theirs));
      }
      Path ours = subject.host().dataDir().resolve("torch_extensions");
      return subject.launch().isPresent() ? remove(ours) : lookOnly(ours);
    } catch (IOException e) {
      return skipped("the folder of built ops cannot be read: %s", e);
    }
  }

  private Finding remove(Path folder) throws IOException {
    List<Path> found = locks(folder);
    for (Path lock : found) {
      Files.deleteIfExists(lock);
    }
    return ok(found.isEmpty() ? "none" : "removed: " + found);
  }

  private Finding lookOnly(Path folder) throws IOException {
    Instant oldest = Instant.now().minus(OLD);
    for (Path lock : locks(folder)) {
      if (Files.getLastModifiedTime(lock).toInstant().isBefore(oldest)) {
        return warn("delete it when nobody builds there", "%s is a lock of a killed build", lock);
      }
    }
    return ok("none");
  }

  private static List<Path> locks(Path folder) throws IOException {
    try (Stream<Path> found = Files.find(folder, DEPTH, (path, a) -> path.endsWith("lock"))) {
      return found.toList();
    } catch (NoSuchFileException e) {
      return List.of(); // nothing was ever built here
    }
  }
}
