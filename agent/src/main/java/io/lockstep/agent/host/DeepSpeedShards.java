package io.lockstep.agent.host;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.IntPredicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Knows which files a DeepSpeed checkpoint of a world size consists of. */
final class DeepSpeedShards {
  private static final Pattern OPTIMIZER =
      Pattern.compile(
          "((?:bf16_|fp16_)?zero_pp_rank_)(\\d{1,7})_mp_rank_(\\d{1,5})_optim_states\\.pt");
  private static final Pattern ZERO3_MODEL =
      Pattern.compile("(zero_pp_rank_)(\\d{1,7})_mp_rank_(\\d{1,5})_model_states\\.pt");
  private static final Pattern MODEL = Pattern.compile("mp_rank_(\\d{1,5})_model_states\\.pt");
  private static final Pattern RANK = Pattern.compile("zero_pp_rank_(\\d{1,7})_");

  /** Beyond this a world size that was read is none. */
  private static final int MOST_RANKS = 1 << 20;

  private final FileChecks files;
  private final OwnRanks own;

  DeepSpeedShards(FileChecks files, OwnRanks own) {
    this.files = files;
    this.own = own;
  }

  /**
   * What was found.
   *
   * @param worldSize number of ranks that wrote it
   * @param lacks the file of another node's rank that is not here; empty when all are
   */
  record Found(int worldSize, String lacks) {}

  /** One kind of file, of which every rank wrote one. */
  private static final class Kind {
    private final String suffix;
    private final Map<Integer, Set<Integer>> modelRanksByRank = new TreeMap<>();
    private String prefix = "zero_pp_rank_";

    Kind(String suffix) {
      this.suffix = suffix;
    }

    boolean takes(Matcher name) {
      if (!name.matches()) {
        return false;
      }
      prefix = name.group(1);
      modelRanksByRank
          .computeIfAbsent(Integer.parseInt(name.group(2)), r -> new TreeSet<>())
          .add(Integer.parseInt(name.group(3)));
      return true;
    }

    int highest() {
      return modelRanksByRank.keySet().stream().mapToInt(r -> r).max().orElse(-1);
    }

    int count() {
      return modelRanksByRank.values().stream().mapToInt(Set::size).sum();
    }

    /** The first that is not there, of the ranks that are asked for; empty when all are. */
    String missing(int worldSize, Set<Integer> modelRanks, IntPredicate asked) {
      for (int rank = 0; rank < worldSize; rank++) {
        if (!asked.test(rank)) {
          continue;
        }
        for (int modelRank : modelRanks) {
          if (!modelRanksByRank.getOrDefault(rank, Set.of()).contains(modelRank)) {
            return String.format(
                Locale.ROOT,
                "%s%d_mp_rank_%02d_%s is missing: found %d such files, wanted %d",
                prefix,
                rank,
                modelRank,
                suffix,
                count(),
                worldSize * modelRanks.size());
          }
        }
      }
      return "";
    }
  }

  /** Every file that this node's ranks load must be there and whole. */
  Found look(Path folder) throws IOException, IncompleteException {
    var optimizer = new Kind("optim_states.pt");
    var zero3 = new Kind("model_states.pt");
    var model = new TreeSet<Integer>();
    Path anyModel = null;
    for (Path path : list(folder)) {
      String name = String.valueOf(path.getFileName());
      if (!name.endsWith(".pt")) {
        continue;
      }
      Matcher plain = MODEL.matcher(name);
      if (optimizer.takes(OPTIMIZER.matcher(name))) {
        requireWhole(path, rankIn(name));
      } else if (zero3.takes(ZERO3_MODEL.matcher(name))) {
        requireWhole(path, rankIn(name));
        anyModel = anyModel == null || own.contains(rankIn(name)) ? path : anyModel;
      } else {
        files.requireZip(path);
        if (plain.matches()) {
          model.add(Integer.parseInt(plain.group(1)));
          anyModel = path;
        }
      }
    }
    if (anyModel == null) {
      throw new IncompleteException("no model states in " + folder.getFileName());
    }
    var modelRanks = new TreeSet<>(model);
    zero3.modelRanksByRank.values().forEach(modelRanks::addAll);
    // The shards that are missing cannot be counted: what is there says how many there were.
    int worldSize = files.worldSizeWrittenIn(anyModel).orElse(optimizer.highest() + 1);
    if (worldSize < 1 || worldSize > MOST_RANKS) {
      throw new IncompleteException("no optimizer states in " + folder.getFileName());
    }
    List<Kind> kinds = zero3.count() == 0 ? List.of(optimizer) : List.of(optimizer, zero3);
    String lacks = "";
    for (Kind kind : kinds) {
      int wanted = worldSize * modelRanks.size();
      if (kind.count() > wanted || kind.highest() >= worldSize) {
        throw new IncompleteException(
            "%s: found %d files, wanted %d of %d ranks"
                .formatted(kind.suffix, kind.count(), wanted, worldSize));
      }
      String missing = kind.missing(worldSize, modelRanks, rank -> true);
      boolean asOursWas = own.count() > 0 && worldSize == own.worldSize();
      if (!missing.isEmpty()
          && (!asOursWas || !kind.missing(worldSize, modelRanks, own::contains).isEmpty())) {
        throw new IncompleteException(missing);
      }
      lacks = lacks.isEmpty() ? missing : lacks;
    }
    return new Found(worldSize, lacks);
  }

  private void requireWhole(Path shard, int rank) throws IOException, IncompleteException {
    if (own.looksAtAll() || own.contains(rank)) {
      files.requireZip(shard);
    } else {
      FileChecks.requireContent(shard);
    }
  }

  private static int rankIn(String name) {
    Matcher rank = RANK.matcher(name);
    return rank.find() ? Integer.parseInt(rank.group(1)) : 0;
  }

  private static List<Path> list(Path folder) throws IOException, IncompleteException {
    try (Stream<Path> list = Files.list(folder)) {
      return list.sorted().toList();
    } catch (NoSuchFileException | NotDirectoryException e) {
      throw new IncompleteException(folder.getFileName() + " is missing");
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }
}
