package io.lockstep.agent.host;

import io.lockstep.agent.process.FileTree;
import io.lockstep.agent.process.GroupFolder;
import io.lockstep.agent.process.LongCommand;
import io.lockstep.agent.process.ProcessScan;
import io.lockstep.agent.process.TorchrunCommand;
import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import io.lockstep.protocol.model.UniversalCheckpoint;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs DeepSpeed's {@code ds_to_universal} as a process of the attempt, into a folder of its own
 * that takes its place by a rename.
 */
final class CheckpointConverter {
  private static final Logger LOG = LoggerFactory.getLogger(CheckpointConverter.class);
  private static final int TAIL_BYTES = 600;
  private static final String ROOM = ".lockstep-converting-";

  /** For the kill of what a daemon that died left at work, and of what a conversion left. */
  private static final Duration END_LIMIT = Duration.ofSeconds(10);

  private final FileChecks files = new FileChecks();
  private final ProcessScan scan;
  private final ConversionWatch watch;

  CheckpointConverter(ProcessScan scan, ConversionWatch watch) {
    this.scan = scan;
    this.watch = watch;
  }

  /**
   * Why it failed; empty when it is there. Blocks for as long as {@code checkpoint.convert} allows;
   * safe to repeat.
   *
   * @param like what the attempt's workers would be started with
   * @param isWanted false ends it
   */
  Optional<Reason> convert(
      LaunchSpec launch,
      CompleteCheckpoint checkpoint,
      TorchrunCommand like,
      GroupFolder folder,
      BooleanSupplier isWanted) {
    CheckpointFormat format = launch.job().checkpoint().format();
    Path shards = Path.of(UniversalCheckpoint.shards(checkpoint.path(), format, checkpoint.step()));
    Path target = Path.of(UniversalCheckpoint.folder(checkpoint.path(), format, checkpoint.step()));
    Path room = target.resolveSibling(ROOM + launch.fence().plan());
    Path log = folder.path().resolve("convert.log");
    try {
      if (isThere(checkpoint, format)) {
        return Optional.empty();
      }
      List<ProcessScan.Found> left = endAll(launch);
      if (!left.isEmpty()) {
        return failed(launch, shards, "an earlier conversion cannot be ended: " + left);
      }
      deleteOlder(room, launch);
      FileTree.delete(room);
      Files.createDirectories(room);
      Path made = room.resolve(target.getFileName());
      watch.begins(launch.fence(), shards, made);
      String wrong = run(launch, like, shards, made, log, isWanted);
      endAll(launch);
      if (!wrong.isEmpty()) {
        FileTree.delete(room);
        return failed(launch, shards, wrong + "; its output is in " + log + said(log));
      }
      if (isThere(checkpoint, format)) {
        FileTree.delete(room); // another node was ordered meanwhile, and was first
        return Optional.empty();
      }
      takePlace(launch, made, target);
      Files.move(
          room.resolve(UniversalCheckpoint.LATEST),
          target.resolveSibling(UniversalCheckpoint.LATEST),
          StandardCopyOption.ATOMIC_MOVE,
          StandardCopyOption.REPLACE_EXISTING);
      FileTree.delete(room);
      LOG.info("group={} converted {} to {}", launch.fence(), shards, target);
      return isThere(checkpoint, format)
          ? Optional.empty()
          : failed(launch, shards, "what ds_to_universal wrote to " + target + " is not whole");
    } catch (IOException e) {
      return failed(launch, shards, e.toString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return failed(launch, shards, "the agent is ending");
    } finally {
      watch.ended();
    }
  }

  /** All have the attempt's mark, and before its release it has no other processes. */
  private List<ProcessScan.Found> endAll(LaunchSpec launch) throws InterruptedException {
    return scan.end(launch.fence()::equals, END_LIMIT);
  }

  /** Rooms of orders before this one: whoever may still be at it is not wanted any more. */
  private static void deleteOlder(Path room, LaunchSpec launch) throws IOException {
    List<Path> all;
    try (Stream<Path> list = Files.list(Objects.requireNonNull(room.getParent()))) {
      all = list.filter(path -> planOf(path) < launch.fence().plan()).toList();
    }
    for (Path path : all) {
      FileTree.delete(path);
    }
  }

  private static long planOf(Path path) {
    String name = String.valueOf(path.getFileName());
    try {
      return name.startsWith(ROOM) ? Long.parseLong(name.substring(ROOM.length())) : Long.MAX_VALUE;
    } catch (NumberFormatException e) {
      return Long.MAX_VALUE;
    }
  }

  private boolean isThere(CompleteCheckpoint checkpoint, CheckpointFormat format)
      throws IOException {
    return Universal.isThere(Path.of(checkpoint.path()), format, checkpoint.step(), files);
  }

  private static Optional<Reason> failed(LaunchSpec launch, Path shards, String why) {
    return Optional.of(
        Reason.of(
            ReasonCode.CONVERSION_FAILED,
            "%s: %s could not be converted: %s",
            launch.node(),
            shards,
            why));
  }

  /** What went wrong; nothing when it ended well. */
  private static String run(
      LaunchSpec launch,
      TorchrunCommand like,
      Path shards,
      Path made,
      Path log,
      BooleanSupplier isWanted)
      throws IOException, InterruptedException {
    Duration limit = launch.job().checkpoint().convert().orElse(JobSpec.Checkpoint.CONVERT);
    List<String> argv =
        UniversalCheckpoint.command(like.argv().get(0), shards.toString(), made.toString());
    LOG.info("group={} converts: {}", launch.fence(), String.join(" ", argv));
    // The environment has the attempt's mark: whoever clears this node of it ends this too.
    LongCommand.Result result =
        LongCommand.run(argv, like.env(), Path.of(like.cwd()), log, limit, isWanted);
    return switch (result.end()) {
      case UNWANTED -> "its attempt is over";
      case LATE -> "it did not end within " + limit.toSeconds() + " s (checkpoint.convert)";
      case EXITED -> result.exitCode() == 0 ? "" : "it ended with code " + result.exitCode();
    };
  }

  /** What an earlier, broken conversion left is moved aside. */
  private static void takePlace(LaunchSpec launch, Path made, Path target) throws IOException {
    if (Files.exists(target)) {
      Files.move(
          target,
          target.resolveSibling(
              "aside-"
                  + launch.fence().attempt()
                  + "-"
                  + launch.fence().plan()
                  + "-"
                  + target.getFileName()));
    }
    Files.move(made, target, StandardCopyOption.ATOMIC_MOVE);
  }

  /** The end of what it printed. */
  private static String said(Path log) {
    try (var file = new RandomAccessFile(log.toFile(), "r")) {
      file.seek(Math.max(0, file.length() - TAIL_BYTES));
      var tail = new byte[TAIL_BYTES];
      int read = Math.max(0, file.read(tail));
      return ": " + new String(tail, 0, read, StandardCharsets.UTF_8).strip().replace('\n', ' ');
    } catch (IOException e) {
      return "";
    }
  }
}
