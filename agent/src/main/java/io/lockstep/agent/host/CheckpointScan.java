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
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
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
  record Numbered(Path path, long step) {
    /** For people: beneath the checkpoint folder. */
    String name() {
      Path folder = path.getParent();
      boolean isKept =
          folder != null && String.valueOf(folder.getFileName()).equals(KeptCheckpoints.FOLDER);
      return (isKept ? KeptCheckpoints.FOLDER + "/" : "") + path.getFileName();
    }
  }

  /** Looks at the newest until enough are complete; blocks. */
  CheckpointInventory inventory(Path folder, CheckpointFormat format) throws IOException {
    return inventory(folder, format, OwnRanks.NONE);
  }

  /**
   * The same for a node of a gang.
   *
   * @param own ranks whose shards must be here, where the others' are on their own nodes
   */
  CheckpointInventory inventory(Path folder, CheckpointFormat format, OwnRanks own)
      throws IOException {
    if (format == CheckpointFormat.NONE) {
      return CheckpointInventory.EMPTY;
    }
    var found = new Findings();
    for (Numbered candidate : newestFirst(folder, format)) {
      found.add(candidate, forGang(look(candidate, format, own), format, own));
      if (found.whole >= ENOUGH) {
        break;
      }
    }
    return found.inventory(OwnerMark.read(folder));
  }

  /** Another number of ranks can load it where it was converted. */
  private Verdict forGang(Verdict verdict, CheckpointFormat format, OwnRanks own)
      throws IOException {
    CompleteCheckpoint found = verdict.usable().orElse(null);
    if (found == null
        || found.worldSize() == 0
        || found.worldSize() == own.worldSize()
        || own.worldSize() == 0
        || !Universal.isThere(Path.of(found.path()), format, found.step(), files)) {
      return verdict;
    }
    return verdict.asUniversal();
  }

  /** What a search has found so far, newest first. */
  private static final class Findings {
    private final List<CompleteCheckpoint> complete = new ArrayList<>();
    private final List<String> incomplete = new ArrayList<>();
    private int whole;
    private @Nullable CompleteCheckpoint lastResort;
    private int lastResortAt;

    void add(Numbered candidate, Verdict verdict) {
      String why = candidate.name() + ": " + verdict.why();
      if (verdict.usable().isEmpty()) {
        incomplete.add(why);
        return;
      }
      CompleteCheckpoint usable = verdict.usable().get();
      if (complete.stream().anyMatch(c -> c.step() == usable.step() && !c.piece())) {
        return; // a kept one, and the script's own is whole
      }
      if (verdict.isLastResort()) {
        if (lastResort == null) {
          lastResort = usable;
          lastResortAt = incomplete.size();
        }
        incomplete.add(why);
      } else if (usable.piece()) {
        // Pieces do not end the search: on a shared folder they are broken ones.
        if (complete.size() - whole < CheckpointInventory.MAX_LISTED - ENOUGH) {
          complete.add(usable);
        }
        incomplete.add(why);
      } else {
        complete.add(usable);
        whole++;
      }
    }

    CheckpointInventory inventory(Optional<CheckpointInventory.Owner> owner) {
      if (whole == 0 && lastResort != null) {
        complete.add(lastResort);
        incomplete.set(
            lastResortAt,
            incomplete.get(lastResortAt) + "; taken all the same, for want of another");
      }
      // However many are broken, the search goes on to the first whole one; only the list is cut.
      List<String> listed =
          incomplete.subList(0, Math.min(incomplete.size(), CheckpointInventory.MAX_LISTED));
      return new CheckpointInventory(owner, complete, listed);
    }
  }

  /**
   * The newest complete one, for display; blocks. Cheap when asked again: a checkpoint that was
   * complete is not looked into again while its last file stays as it was.
   */
  Optional<CompleteCheckpoint> newest(Path folder, CheckpointFormat format) throws IOException {
    return newest(folder, format, OwnRanks.NONE);
  }

  /**
   * The same for the node of rank 0, which may hold only its own ranks' shards.
   *
   * <p>With the Trainer's state there all ranks have saved. DeepSpeed alone leaves no such sign.
   */
  Optional<CompleteCheckpoint> newest(Path folder, CheckpointFormat format, OwnRanks own)
      throws IOException {
    for (Numbered candidate : newestFirst(folder, format)) {
      Optional<FileTime> sealed = sealedAt(candidate, format);
      Found known = newestFound;
      if (known != null
          && known.checkpoint().path().equals(candidate.path().toString())
          && known.sealed().equals(sealed)) {
        return Optional.of(known.checkpoint());
      }
      Optional<CompleteCheckpoint> found =
          Optional.of(look(candidate, format, own))
              .filter(v -> !v.isLastResort())
              .flatMap(Verdict::usable)
              .filter(c -> !c.piece() || format == CheckpointFormat.HF_DEEPSPEED);
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
  Optional<String> problemOf(CompleteCheckpoint checkpoint, CheckpointFormat format, OwnRanks own) {
    Path path = Path.of(checkpoint.path());
    if (format == CheckpointFormat.NONE) {
      return Files.isDirectory(path) ? Optional.empty() : Optional.of("it is gone");
    }
    Verdict verdict = look(new Numbered(path, checkpoint.step()), format, own);
    boolean asAgreed = verdict.usable().filter(c -> !c.piece() || checkpoint.piece()).isPresent();
    if (asAgreed && checkpoint.universal() && !isConverted(checkpoint, format)) {
      return Optional.of("what ds_to_universal made of it is gone");
    }
    return asAgreed ? Optional.empty() : Optional.of(verdict.why());
  }

  private boolean isConverted(CompleteCheckpoint checkpoint, CheckpointFormat format) {
    try {
      return Universal.isThere(Path.of(checkpoint.path()), format, checkpoint.step(), files);
    } catch (IOException e) {
      return false;
    }
  }

  /**
   * Folders that bear a checkpoint's name, also the kept ones; none when the folder is not there.
   */
  static List<Numbered> newestFirst(Path folder, CheckpointFormat format) throws IOException {
    var found = new ArrayList<>(numbered(folder, format));
    found.addAll(numbered(folder.resolve(KeptCheckpoints.FOLDER), format));
    // of one step, the script's own stays first
    found.sort(Comparator.comparingLong(Numbered::step).reversed());
    return found;
  }

  /** Those right in this folder. */
  static List<Numbered> numbered(Path folder, CheckpointFormat format) throws IOException {
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
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    found.sort(Comparator.comparingLong(Numbered::step).reversed());
    return found;
  }

  /**
   * What one look found.
   *
   * @param why what is wrong with it; empty when nothing is
   * @param isLastResort it can be used, and is only when there is no other
   */
  private record Verdict(Optional<CompleteCheckpoint> usable, String why, boolean isLastResort) {
    static Verdict complete(Numbered candidate, int worldSize, String lacks) {
      return new Verdict(
          Optional.of(
              new CompleteCheckpoint(
                  candidate.path().toString(),
                  candidate.step(),
                  worldSize,
                  !lacks.isEmpty(),
                  false)),
          lacks,
          false);
    }

    static Verdict incomplete(String why) {
      return new Verdict(Optional.empty(), why, false);
    }

    Verdict asUniversal() {
      return new Verdict(
          usable.map(
              c -> new CompleteCheckpoint(c.path(), c.step(), c.worldSize(), c.piece(), true)),
          why,
          isLastResort);
    }

    Verdict asLastResort(String because) {
      return new Verdict(usable, because, true);
    }
  }

  private Verdict look(Numbered candidate, CheckpointFormat format, OwnRanks own) {
    try {
      return switch (format) {
        case HF_DEEPSPEED -> lookAtTrainers(candidate, true, own);
        case HF -> lookAtTrainers(candidate, false, own);
        case DEEPSPEED -> {
          Manifest.check(candidate.path(), files);
          yield shards(candidate, candidate.path(), own);
        }
        case NONE -> Verdict.incomplete("the job keeps its checkpoints to itself");
      };
    } catch (IncompleteException e) {
      return Verdict.incomplete(String.valueOf(e.getMessage()));
    } catch (NoSuchFileException e) {
      return Verdict.incomplete(nameOf(e) + " went away while it was looked at");
    } catch (AccessDeniedException e) {
      return Verdict.incomplete(nameOf(e) + " cannot be read: permission denied");
    } catch (IOException e) {
      return Verdict.incomplete("cannot be read: " + e);
    }
  }

  private static String nameOf(FileSystemException e) {
    return String.valueOf(e.getFile()).replaceAll(".*/", "");
  }

  private Verdict shards(Numbered candidate, Path folder, OwnRanks own)
      throws IOException, IncompleteException {
    DeepSpeedShards.Found found = new DeepSpeedShards(files, own).look(folder);
    return Verdict.complete(candidate, found.worldSize(), found.lacks());
  }

  private Verdict lookAtTrainers(Numbered candidate, boolean deepSpeed, OwnRanks own)
      throws IOException, IncompleteException {
    Path folder = candidate.path();
    if (Files.exists(folder.resolve("checkpoint-is-incomplete.txt"))) {
      return Verdict.incomplete("it is marked as incomplete");
    }
    // Written last, by rank 0, after a barrier: it stands for every shard having been written.
    checkTrainerState(folder, candidate.step());
    Manifest.check(folder, files);
    if (!deepSpeed) {
      files.requireModel(folder);
      files.requireZip(folder.resolve("optimizer.pt"));
      return withRandomStates(Verdict.complete(candidate, 0, ""), folder, own);
    }
    String tag = "global_step" + candidate.step();
    String latest = read(folder.resolve("latest"), "latest is missing").strip();
    if (!latest.equals(tag)) {
      return Verdict.incomplete("latest names " + latest + ", wanted " + tag);
    }
    Verdict verdict = shards(candidate, folder.resolve(tag), own);
    files.requireModel(folder);
    return withRandomStates(verdict, folder, own);
  }

  /**
   * Other ranks' rng_state files come after the barrier: where one is missing the save was cut off.
   * Training can go on without it, that rank being seeded anew; so it is better than none.
   */
  private Verdict withRandomStates(Verdict verdict, Path folder, OwnRanks own) throws IOException {
    int wrote = verdict.usable().orElseThrow().worldSize();
    if (wrote == 0 || verdict.usable().get().piece()) {
      return verdict; // nobody says how many there were, or they are on other nodes
    }
    int found = 0;
    String lacks = "";
    for (int rank = 0; rank < wrote; rank++) {
      Path state = randomState(folder, wrote, rank);
      if (!Files.exists(state)) {
        lacks = lacks.isEmpty() ? state.getFileName() + " is missing" : lacks;
        continue;
      }
      found++;
      if (own.looksAtAll() || own.contains(rank)) {
        Optional<String> broken = brokenZip(state);
        lacks = lacks.isEmpty() ? broken.orElse("") : lacks;
      }
    }
    // A script that keeps none at all wants none.
    return lacks.isEmpty() || found == 0
        ? verdict
        : verdict.asLastResort("%s: found %d of %d random states".formatted(lacks, found, wrote));
  }

  /**
   * Random states of the Trainer that are there and cannot be read: it goes on without one that is
   * missing, and fails at one that is broken.
   */
  List<Path> brokenRandomStates(CompleteCheckpoint checkpoint, CheckpointFormat format)
      throws IOException {
    var broken = new ArrayList<Path>();
    if (format == CheckpointFormat.HF_DEEPSPEED) {
      for (int rank = 0; rank < checkpoint.worldSize(); rank++) {
        Path state = randomState(Path.of(checkpoint.path()), checkpoint.worldSize(), rank);
        if (Files.exists(state) && brokenZip(state).isPresent()) {
          broken.add(state);
        }
      }
    }
    return broken;
  }

  private static Path randomState(Path folder, int wrote, int rank) {
    return folder.resolve(wrote == 1 ? "rng_state.pth" : "rng_state_" + rank + ".pth");
  }

  private Optional<String> brokenZip(Path file) throws IOException {
    try {
      files.requireZip(file);
      return Optional.empty();
    } catch (IncompleteException e) {
      return Optional.of(String.valueOf(e.getMessage()));
    }
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
