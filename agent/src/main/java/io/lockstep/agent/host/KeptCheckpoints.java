package io.lockstep.agent.host;

import io.lockstep.agent.process.FileTree;
import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.JobSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps complete checkpoints out of reach of the script's rotation: as hard links in a folder that
 * no Trainer looks into. They cost the disk nothing until the script deletes its own; what is
 * deleted here is only ever a link of ours.
 */
final class KeptCheckpoints {
  /** Beside the checkpoints. */
  static final String FOLDER = "lockstep-kept";

  private static final Logger LOG = LoggerFactory.getLogger(KeptCheckpoints.class);
  private static final String UNFINISHED = ".unfinished-";
  private static final String DROPPED = ".dropped-";

  /** What is older was left by an agent that died at it; no link takes so long. */
  private static final Duration LEFT_AFTER = Duration.ofMinutes(10);

  private final CheckpointScan checkpoints;

  KeptCheckpoints(CheckpointScan checkpoints) {
    this.checkpoints = checkpoints;
  }

  /** Why nothing can be kept here; empty when it can; leaves nothing behind. */
  static Optional<String> problemOf(Path dir) throws IOException {
    Path file = Files.createTempFile(dir, ".lockstep-probe-", "");
    Path link = file.resolveSibling(file.getFileName() + "-link");
    try {
      Files.createLink(link, file);
      return Optional.empty();
    } catch (UnsupportedOperationException | IOException e) {
      return Optional.of(
          "checkpoint.keep needs hard links, and the file system of "
              + dir
              + " has none ("
              + e
              + "); take keep out and let the script keep more (save_total_limit)");
    } finally {
      Files.deleteIfExists(link);
      Files.deleteIfExists(file);
    }
  }

  /** The newest was found complete: it is kept, and as many older ones as are asked for. */
  void keep(Path dir, CompleteCheckpoint newest, JobSpec.Checkpoint settings) throws IOException {
    Path live = Path.of(newest.path());
    if (settings.keep() == 0 || newest.piece() || !dir.equals(live.getParent())) {
      return;
    }
    Path folder = Files.createDirectories(dir.resolve(FOLDER));
    Path kept = folder.resolve(String.valueOf(live.getFileName()));
    if (!isLinked(live, kept)) {
      link(live, kept, newest, settings.format());
    }
    deleteLeftovers(folder);
    List<CheckpointScan.Numbered> all = CheckpointScan.numbered(folder, settings.format());
    for (int i = settings.keep() + 1; i < all.size(); i++) {
      drop(all.get(i).path());
    }
  }

  /** The same files, not those of an earlier save under this name. */
  private static boolean isLinked(Path live, Path kept) throws IOException {
    if (!Files.isDirectory(kept)) {
      return false;
    }
    for (Path file : files(live)) {
      Path link = kept.resolve(live.relativize(file).toString());
      return Files.exists(link) && Files.isSameFile(file, link);
    }
    return false;
  }

  private void link(Path live, Path kept, CompleteCheckpoint found, CheckpointFormat format)
      throws IOException {
    Path unfinished = kept.resolveSibling(UNFINISHED + kept.getFileName());
    FileTree.delete(unfinished);
    try {
      Files.createDirectories(unfinished);
      for (Path file : files(live)) {
        Path link = unfinished.resolve(live.relativize(file).toString());
        Files.createDirectories(link.getParent());
        Files.createLink(link, file);
      }
    } catch (NoSuchFileException e) {
      FileTree.delete(unfinished);
      return; // it was rotated away meanwhile
    }
    // The script may have begun to delete it before it was listed.
    Optional<String> problem =
        checkpoints.problemOf(
            new CompleteCheckpoint(unfinished.toString(), found.step(), found.worldSize()),
            format,
            OwnRanks.NONE);
    if (problem.isPresent()) {
      LOG.debug("{} is not kept: {}", live, problem.get());
      FileTree.delete(unfinished);
      return;
    }
    if (Files.exists(kept)) {
      drop(kept);
    }
    Files.move(unfinished, kept, StandardCopyOption.ATOMIC_MOVE);
    LOG.info("{} is kept as {}", live, kept);
  }

  /** By a rename first: half of one is never found. */
  private static void drop(Path kept) throws IOException {
    Path dropped = kept.resolveSibling(DROPPED + kept.getFileName());
    FileTree.delete(dropped);
    Files.move(kept, dropped, StandardCopyOption.ATOMIC_MOVE);
    FileTree.delete(dropped);
    LOG.info("{} is not kept any more", kept);
  }

  private static void deleteLeftovers(Path folder) throws IOException {
    List<Path> all;
    try (Stream<Path> list = Files.list(folder)) {
      all = list.filter(KeptCheckpoints::isUnnamed).toList();
    }
    Instant left = Instant.now().minus(LEFT_AFTER);
    for (Path path : all) {
      if (Files.getLastModifiedTime(path).toInstant().isBefore(left)) {
        FileTree.delete(path);
        LOG.info("{} was left by an agent that died at it: deleted", path);
      }
    }
  }

  private static boolean isUnnamed(Path path) {
    String name = String.valueOf(path.getFileName());
    return name.startsWith(UNFINISHED) || name.startsWith(DROPPED);
  }

  private static List<Path> files(Path folder) throws IOException {
    try (Stream<Path> tree = Files.walk(folder)) {
      return tree.filter(Files::isRegularFile).sorted().toList();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }
}
