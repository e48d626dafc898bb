package io.lockstep.agent.host;

import io.lockstep.agent.core.StartOrder;
import io.lockstep.agent.process.GroupFolder;
import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The last look before the fork: the agreed checkpoint is there, and nothing newer is in its way.
 */
final class StartChecks {
  private static final Logger LOG = LoggerFactory.getLogger(StartChecks.class);

  private final Path dataDir;
  private final CheckpointScan checkpoints;

  StartChecks(Path dataDir, CheckpointScan checkpoints) {
    this.dataDir = dataDir;
    this.checkpoints = checkpoints;
  }

  /** Why this attempt must not be forked; empty when it may; blocks. */
  Optional<ExitReport> run(LaunchSpec launch, StartOrder order) {
    JobSpec.Checkpoint wanted = launch.job().checkpoint();
    Optional<String> broken =
        order
            .resume()
            .flatMap(resume -> checkpoints.problemOf(resume, wanted.format(), OwnRanks.of(launch)));
    if (broken.isPresent()) {
      return Optional.of(
          refused(
              ReasonCode.CHECKPOINT_CHANGED,
              String.format(
                  "%s: %s was complete and is not any more: %s",
                  launch.node(), order.resume().orElseThrow().path(), broken.get())));
    }
    Optional<ExitReport> unwritten = loadUniversal(launch, order);
    if (unwritten.isPresent()) {
      return unwritten;
    }
    boolean inPieces = order.resume().filter(CompleteCheckpoint::piece).isPresent();
    if (wanted.dir().isEmpty() || (launch.nodeRank() != 0 && !inPieces)) {
      return Optional.empty();
    }
    Path folder = Path.of(wanted.dir().get());
    try {
      moveAside(folder, wanted.format(), launch, order);
      if (launch.nodeRank() == 0 && !inPieces) {
        moveBrokenRandomStatesAside(wanted.format(), launch, order);
      }
      OwnerMark.write(folder, launch.fence().job(), launch.job().name());
      return Optional.empty();
    } catch (IOException e) {
      return Optional.of(
          refused(
              ReasonCode.CHECKPOINT_DIR_UNWRITABLE,
              launch.node() + ": cannot make " + folder + " ready: " + e));
    }
  }

  /** Only now it is known which checkpoint it is: the configuration was written before. */
  private Optional<ExitReport> loadUniversal(LaunchSpec launch, StartOrder order) {
    if (order.resume().filter(CompleteCheckpoint::universal).isEmpty()
        || launch.zeroJson().isEmpty()) {
      return Optional.empty();
    }
    Path file = GroupFolder.of(dataDir, launch.fence()).zero();
    try {
      ZeroFile.write(file, ZeroFile.loadingUniversal(launch.zeroJson().get()));
      return Optional.empty();
    } catch (IOException e) {
      return Optional.of(
          refused(ReasonCode.DISK_FULL, launch.node() + ": cannot write " + file + ": " + e));
    }
  }

  /**
   * Renames what is newer than the chosen checkpoint, all when there is none: a later save into the
   * same folder that is killed midway would mix old and new shards and pass for complete.
   */
  private static void moveAside(
      Path folder, CheckpointFormat format, LaunchSpec launch, StartOrder order)
      throws IOException {
    long kept = order.resume().map(resume -> resume.step()).orElse(-1L);
    for (CheckpointScan.Numbered found : CheckpointScan.newestFirst(folder, format)) {
      if (found.step() > kept || isOriginalOfChosen(folder, found, order)) {
        moveAside(folder, found.path(), launch);
      }
    }
    if (format == CheckpointFormat.DEEPSPEED) {
      correctLatest(folder, launch, order);
    }
  }

  /** Of a checkpoint that is taken for want of another: the Trainer would fail at them. */
  private void moveBrokenRandomStatesAside(
      CheckpointFormat format, LaunchSpec launch, StartOrder order) throws IOException {
    if (order.resume().isPresent()) {
      for (Path broken : checkpoints.brokenRandomStates(order.resume().get(), format)) {
        moveAside(Path.of(order.resume().get().path()), broken, launch);
      }
    }
  }

  /** Its kept links are whole and it is not: a script that finds it by its name must not. */
  private static boolean isOriginalOfChosen(
      Path folder, CheckpointScan.Numbered found, StartOrder order) {
    return order
        .resume()
        .filter(chosen -> !chosen.piece() && found.step() == chosen.step())
        .filter(chosen -> !found.path().equals(Path.of(chosen.path())))
        .filter(chosen -> folder.equals(found.path().getParent()))
        .isPresent();
  }

  private static void moveAside(Path folder, Path path, LaunchSpec launch) throws IOException {
    // The prefix keeps it out of HF's pattern for checkpoints and of its rotation.
    boolean isKept = !folder.equals(path.getParent());
    String prefix = "aside-" + launch.fence().attempt() + (isKept ? "-kept-" : "-");
    Path aside = free(folder, prefix, path);
    try {
      Files.move(path, aside);
    } catch (NoSuchFileException e) {
      return; // another node of the gang was first, or somebody deleted it
    }
    LOG.info(
        "job={} attempt={} moved {} aside to {}",
        launch.fence().job(),
        launch.fence().attempt(),
        path,
        aside.getFileName());
  }

  /**
   * A script that loads without a tag reads {@code latest}, which rank 0 writes before the others
   * have saved: it may name what was just moved aside.
   */
  private static void correctLatest(Path folder, LaunchSpec launch, StartOrder order)
      throws IOException {
    Path latest = folder.resolve("latest");
    if (!Files.isRegularFile(latest)) {
      return;
    }
    String named = Files.readString(latest).strip();
    if (!named.isEmpty() && Files.isDirectory(folder.resolve(named))) {
      return;
    }
    moveAside(folder, latest, launch);
    // DeepSpeed joins folder and tag: a kept one is named with the folder that it lies in
    Optional<Path> chosen =
        order
            .resume()
            .map(r -> Path.of(r.path()))
            .filter(p -> p.startsWith(folder))
            .map(folder::relativize);
    if (chosen.isPresent()) {
      // By a rename: a reader never sees half of it.
      Path written = Files.writeString(folder.resolve(".lockstep-latest"), chosen.get().toString());
      Files.move(written, latest, StandardCopyOption.ATOMIC_MOVE);
    }
  }

  private static Path free(Path folder, String prefix, Path path) {
    Path wanted = folder.resolve(prefix + path.getFileName());
    for (int again = 2; Files.exists(wanted); again++) {
      wanted = folder.resolve(prefix + again + "-" + path.getFileName());
    }
    return wanted;
  }

  private static ExitReport refused(ReasonCode code, String message) {
    return new ExitReport(
        ExitReport.Outcome.FAILED,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        true,
        false,
        Optional.of(new Reason(code, message)),
        List.of(),
        Instant.now());
  }
}
