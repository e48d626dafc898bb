package io.lockstep.agent.check;

import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.ReasonCode;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * No lock of a killed build of a DeepSpeed op is left: the next build would wait for it for ever.
 * In the daemon's own folder they are removed before an attempt, when no group of this node lives,
 * but for one that a process has open: a warm pool that is still loading may be building. A user's
 * own folder may be shared with a host that is building right now.
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
      return subject.launch().isPresent()
          ? remove(ours, subject.host().root().resolve("proc"))
          : lookOnly(ours);
    } catch (IOException e) {
      return skipped("the folder of built ops cannot be read: %s", e);
    }
  }

  private Finding remove(Path folder, Path proc) throws IOException {
    List<Path> found = locks(folder);
    if (found.isEmpty()) {
      return ok("none");
    }
    Set<Path> open = open(proc);
    var removed = new ArrayList<Path>();
    for (Path lock : found) {
      if (!open.contains(lock.toRealPath())) {
        Files.deleteIfExists(lock);
        removed.add(lock);
      }
    }
    return ok(removed.isEmpty() ? "none; an op is being built" : "removed: " + removed);
  }

  /** Files that processes of this user have open: torch's lock is, as long as its build lives. */
  private static Set<Path> open(Path proc) throws IOException {
    var open = new HashSet<Path>();
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(proc, "[0-9]*")) {
      for (Path process : processes) {
        addOpen(process.resolve("fd"), open);
      }
    } catch (NoSuchFileException e) {
      return Set.of(); // a folder that stands in for the root
    }
    return open;
  }

  private static void addOpen(Path descriptors, Set<Path> open) {
    try (DirectoryStream<Path> links = Files.newDirectoryStream(descriptors)) {
      for (Path link : links) {
        open.add(Files.readSymbolicLink(link));
      }
    } catch (IOException | DirectoryIteratorException e) {
      return; // it ended, or is another user's
    }
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
