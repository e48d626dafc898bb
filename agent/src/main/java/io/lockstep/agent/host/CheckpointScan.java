package io.lockstep.agent.host;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lockstep.protocol.message.WireJson;
import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.CheckpointInventory;
import io.lockstep.protocol.model.CompleteCheckpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Says which checkpoints in a folder are complete, newest first. Never trusts {@code latest} alone:
 * DeepSpeed writes it before all ranks have finished.
 */
final class CheckpointScan {
  private static final ObjectMapper JSON = WireJson.json();
  private static final Pattern HF_NAME = Pattern.compile("checkpoint-(\\d{1,18})");
  private static final Pattern DEEPSPEED_NAME = Pattern.compile("global_step(\\d{1,18})");

  /** One to resume from and one in case that it goes away meanwhile. */
  private static final int ENOUGH = 2;

  private final FileChecks files = new FileChecks();
  private volatile @Nullable Found newestFound;

  /** A checkpoint folder by its name, whatever is in it. */
  record Numbered(Path path, long step) {}

  /** Looks at the newest until enough are complete; blocks. */
  CheckpointInventory inventory(Path folder, CheckpointFormat format) throws IOException {
    if (format == CheckpointFormat.NONE) {
      return CheckpointInventory.EMPTY;
    }
    var complete = new ArrayList<CompleteCheckpoint>();
    var incomplete = new ArrayList<String>();
    for (Numbered candidate : newestFirst(folder, format)) {
      Verdict verdict = look(candidate, format);
      verdict
          .complete()
          .ifPresentOrElse(
              complete::add,
              () -> incomplete.add(candidate.path().getFileName() + ": " + verdict.why()));
      if (complete.size() >= ENOUGH) {
        break;
      }
    }
    // However many are broken, the search goes on to the first whole one; only the list is cut.
    List<String> listed =
        incomplete.subList(0, Math.min(incomplete.size(), CheckpointInventory.MAX_LISTED));
    return new CheckpointInventory(OwnerMark.read(folder), complete, listed);
  }

  /**
   * The newest complete one, for display; blocks. Cheap when asked again: a checkpoint that was
   * complete is not looked into again while its last file stays as it was.
   */
  Optional<CompleteCheckpoint> newest(Path folder, CheckpointFormat format) throws IOException {
    for (Numbered candidate : newestFirst(folder, format)) {
      Optional<FileTime> sealed = sealedAt(candidate, format);
      Found known = newestFound;
      if (known != null
          && known.checkpoint().path().equals(candidate.path().toString())
          && known.sealed().equals(sealed)) {
        return Optional.of(known.checkpoint());
      }
      Optional<CompleteCheckpoint> found = look(candidate, format).complete();
      if (found.isPresent()) {
        newestFound = new Found(found.get(), sealed);
        return found;
      }
    }
    return Optional.empty();
  }

  private record Found(CompleteCheckpoint checkpoint, Optional<FileTime> sealed) {}

  private static Optional<FileTime> sealedAt(Numbered candidate, CheckpointFormat format)
      throws IOException {
    Path last =
        format == CheckpointFormat.DEEPSPEED
            ? candidate.path()
            : candidate.path().resolve("trainer_state.json");
    try {
      return Optional.of(Files.getLastModifiedTime(last));
    } catch (NoSuchFileException e) {
      return Optional.empty(); // not sealed yet, or just rotated away
    }
  }

  /** Why this checkpoint can no longer be used; empty when it can; blocks. */
  Optional<String> problemOf(CompleteCheckpoint checkpoint, CheckpointFormat format) {
    Path path = Path.of(checkpoint.path());
    if (format == CheckpointFormat.NONE) {
      return Files.isDirectory(path) ? Optional.empty() : Optional.of("it is gone");
    }
    Verdict verdict = look(new Numbered(path, checkpoint.step()), format);
    return verdict.complete().isPresent() ? Optional.empty() : Optional.of(verdict.why());
  }

  /** Folders that bear a checkpoint's name; none when the folder is not there. */
  static List<Numbered> newestFirst(Path folder, CheckpointFormat format) throws IOException {
    Pattern pattern =
        switch (format) {
          case HF_DEEPSPEED, HF -> HF_NAME;
          case DEEPSPEED -> DEEPSPEED_NAME;
          case NONE -> null;
        };
    if (pattern == null) {
      return List.of();
    }
    var found = new ArrayList<Numbered>();
    try (Stream<Path> list = Files.list(folder)) {
      for (Path path : list.toList()) {
        Matcher name = pattern.matcher(String.valueOf(path.getFileName()));
        if (name.matches() && Files.isDirectory(path)) {
          found.add(new Numbered(path, Long.parseLong(name.group(1))));
        }
      }
    } catch (NoSuchFileException | NotDirectoryException e) {
      return List.of(); // nothing was ever saved there
    }
    found.sort(Comparator.comparingLong(Numbered::step).reversed());
    return found;
  }

  private record Verdict(Optional<CompleteCheckpoint> complete, String why) {
    static Verdict complete(Numbered candidate, int worldSize) {
      return new Verdict(
          Optional.of(
              new CompleteCheckpoint(candidate.path().toString(), candidate.step(), worldSize)),
          "");
    }

    static Verdict incomplete(String why) {
      return new Verdict(Optional.empty(), why);
    }
  }

  private Verdict look(Numbered candidate, CheckpointFormat format) {
    try {
      return switch (format) {
        case HF_DEEPSPEED -> lookAtTrainers(candidate, true);
        case HF -> lookAtTrainers(candidate, false);
        case DEEPSPEED ->
            Verdict.complete(candidate, new DeepSpeedShards(files).worldSizeOf(candidate.path()));
        case NONE -> Verdict.incomplete("the job keeps its checkpoints to itself");
      };
    } catch (IncompleteException e) {
      return Verdict.incomplete(String.valueOf(e.getMessage()));
    } catch (IOException e) {
      return Verdict.incomplete("cannot be read: " + e);
    }
  }

  private Verdict lookAtTrainers(Numbered candidate, boolean deepSpeed)
      throws IOException, IncompleteException {
    Path folder = candidate.path();
    if (Files.exists(folder.resolve("checkpoint-is-incomplete.txt"))) {
      return Verdict.incomplete("it is marked as incomplete");
    }
    // Written last, by rank 0, after a barrier: it stands for every shard having been written.
    checkTrainerState(folder, candidate.step());
    if (!deepSpeed) {
      files.requireModel(folder);
      if (!Files.exists(folder.resolve("optimizer.pt"))) {
        throw new IncompleteException("optimizer.pt is missing");
      }
      files.requireZip(folder.resolve("optimizer.pt"));
      return Verdict.complete(candidate, 0);
    }
    String tag = "global_step" + candidate.step();
    String latest = read(folder.resolve("latest"), "latest is missing").strip();
    if (!latest.equals(tag)) {
      return Verdict.incomplete("latest names " + latest + ", wanted " + tag);
    }
    int worldSize = new DeepSpeedShards(files).worldSizeOf(folder.resolve(tag));
    files.requireModel(folder);
    // Other ranks' rng_state files come after the barrier; without one that rank is only reseeded.
    return Verdict.complete(candidate, worldSize);
  }

  private static void checkTrainerState(Path folder, long step)
      throws IOException, IncompleteException {
    String text = read(folder.resolve("trainer_state.json"), "trainer_state.json is missing");
    JsonNode state;
    try {
      // Python writes NaN for a loss that is none; only the step matters here.
      state = JSON.reader().with(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).readTree(text);
    } catch (JsonProcessingException e) {
      throw new IncompleteException("trainer_state.json is broken: " + e.getOriginalMessage());
    }
    JsonNode found = state.path("global_step");
    if (!found.isIntegralNumber() || found.asLong() != step) {
      throw new IncompleteException("trainer_state.json is of step " + found + ", wanted " + step);
    }
  }

  private static String read(Path file, String whenMissing)
      throws IOException, IncompleteException {
    try {
      return Files.readString(file);
    } catch (NoSuchFileException e) {
      throw new IncompleteException(whenMissing);
    }
  }
}
