package io.lockstep.agent.host;

import io.lockstep.agent.core.StartOrder;
import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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

  private final CheckpointScan checkpoints;

  StartChecks(CheckpointScan checkpoints) {
    this.checkpoints = checkpoints;
  }

  /** Why this attempt must not be forked; empty when it may; blocks. */
  Optional<ExitReport> run(LaunchSpec launch, StartOrder order) {
    JobSpec.Checkpoint wanted = launch.job().checkpoint();
    Optional<String> broken =
        order.resume().flatMap(resume -> checkpoints.problemOf(resume, wanted.format()));
    if (broken.isPresent()) {
      return Optional.of(
          refused(
              ReasonCode.CHECKPOINT_CHANGED,
              String.format(
                  "%s: %s was complete and is not any more: %s",
                  launch.node(), order.resume().orElseThrow().path(), broken.get())));
    }
    if (launch.nodeRank() != 0 || wanted.dir().isEmpty()) {
      return Optional.empty();
    }
    Path folder = Path.of(wanted.dir().get());
    try {
      moveAside(folder, wanted.format(), launch, order);
      OwnerMark.write(folder, launch.fence().job(), launch.job().name());
      return Optional.empty();
    } catch (IOException e) {
      return Optional.of(
          refused(
              ReasonCode.CHECKPOINT_DIR_UNWRITABLE,
              launch.node() + ": cannot make " + folder + " ready: " + e));
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
      if (found.step() > kept) {
        // The prefix keeps it out of HF's pattern for checkpoints and of its rotation.
        Path aside = free(folder, "aside-" + launch.fence().attempt() + "-", found.path());
        Files.move(found.path(), aside);
        LOG.info(
            "job={} attempt={} moved {} aside to {}",
            launch.fence().job(),
            launch.fence().attempt(),
            found.path(),
            aside.getFileName());
      }
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
