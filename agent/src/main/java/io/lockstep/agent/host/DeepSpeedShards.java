package io.lockstep.agent.host;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Knows which files a DeepSpeed checkpoint of a world size consists of. */
final class DeepSpeedShards {
  private static final Pattern OPTIMIZER =
      Pattern.compile(
          "(?:bf16_|fp16_)?zero_pp_rank_(\\d{1,7})_mp_rank_(\\d{1,5})_optim_states\\.pt");
  private static final Pattern ZERO3_MODEL =
      Pattern.compile("zero_pp_rank_(\\d{1,7})_mp_rank_(\\d{1,5})_model_states\\.pt");
  private static final Pattern MODEL = Pattern.compile("mp_rank_(\\d{1,5})_model_states\\.pt");

  private final FileChecks files;

  DeepSpeedShards(FileChecks files) {
    this.files = files;
  }

  private record Shard(int rank, int modelRank) {}

  /** Number of ranks that wrote this folder, when every file of theirs is there and whole. */
  int worldSizeOf(Path folder) throws IOException, IncompleteException {
    var optimizer = new java.util.HashSet<Shard>();
    var zero3 = new java.util.HashSet<Shard>();
    var model = new TreeSet<Integer>();
    Path anyModel = null;
    for (Path path : list(folder)) {
      String name = String.valueOf(path.getFileName());
      if (!name.endsWith(".pt")) {
        continue;
      }
      files.requireZip(path);
      if (shard(OPTIMIZER, name, optimizer)) {
        continue;
      }
      if (shard(ZERO3_MODEL, name, zero3)) {
        anyModel = path;
        continue;
      }
      Matcher plain = MODEL.matcher(name);
      if (plain.matches()) {
        model.add(Integer.parseInt(plain.group(1)));
        anyModel = path;
      }
    }
    if (anyModel == null) {
      throw new IncompleteException("no model states in " + folder.getFileName());
    }
    var modelRanks = new TreeSet<>(model);
    zero3.forEach(s -> modelRanks.add(s.modelRank()));
    // The shards that are missing cannot be counted: what is there says how many there were.
    int worldSize = files.worldSizeWrittenIn(anyModel).orElse(highest(optimizer) + 1);
    requireAll("optimizer states", optimizer, worldSize, modelRanks);
    if (!zero3.isEmpty()) {
      requireAll("model states", zero3, worldSize, modelRanks);
    }
    return worldSize;
  }

  private static boolean shard(Pattern pattern, String name, Set<Shard> to) {
    Matcher matcher = pattern.matcher(name);
    if (!matcher.matches()) {
      return false;
    }
    to.add(new Shard(Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2))));
    return true;
  }

  private static int highest(Set<Shard> shards) {
    return shards.stream().mapToInt(Shard::rank).max().orElse(-1);
  }

  private static void requireAll(
      String what, Set<Shard> found, int worldSize, Set<Integer> modelRanks)
      throws IncompleteException {
    if (worldSize < 1) {
      throw new IncompleteException("no " + what);
    }
    for (int rank = 0; rank < worldSize; rank++) {
      for (int modelRank : modelRanks) {
        if (!found.contains(new Shard(rank, modelRank))) {
          throw new IncompleteException(
              what + " of rank " + rank + " of " + worldSize + " missing");
        }
      }
    }
    if (found.size() != worldSize * modelRanks.size()) {
      throw new IncompleteException(
          what + ": " + found.size() + " files, wanted " + worldSize * modelRanks.size());
    }
  }

  private static Iterable<Path> list(Path folder) throws IOException, IncompleteException {
    try (Stream<Path> list = Files.list(folder)) {
      return list.sorted().toList();
    } catch (NoSuchFileException | NotDirectoryException e) {
      throw new IncompleteException(folder.getFileName() + " is missing");
    }
  }
}
