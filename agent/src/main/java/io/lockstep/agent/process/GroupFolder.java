package io.lockstep.agent.process;

import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobId;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Names what lies in the folder of one group on this node. */
public record GroupFolder(Path path) {
  /** Folders kept per job, newest plans first. */
  static final int KEPT_PER_JOB = 20;

  /** Folders kept in all. */
  static final int KEPT_IN_ALL = 200;

  private static final Logger LOG = LoggerFactory.getLogger(GroupFolder.class);
  private static final String FOUNDING = ".founding";
  private static final Pattern NAME = Pattern.compile("(\\d+)-(\\d+)");

  public static GroupFolder of(Path dataDir, Fence fence) {
    return new GroupFolder(
        dataDir
            .resolve("groups")
            .resolve(fence.job().value())
            .resolve(fence.attempt() + "-" + fence.plan()));
  }

  /** The folder of this attempt with the newest plan; empty when there is none. */
  public static Optional<GroupFolder> newest(Path dataDir, JobId job, Attempt attempt) {
    return under(dataDir.resolve("groups").resolve(job.value())).stream()
        .filter(found -> found.attempt() == attempt.number())
        .max(Comparator.comparingLong(Found::plan))
        .map(found -> new GroupFolder(found.path()));
  }

  /** Written by the shim: runs one worker with its output in its own place. */
  Path worker() {
    return path.resolve("worker");
  }

  public Path spec() {
    return path.resolve("spec.json");
  }

  public Path handle() {
    return path.resolve("handle.json");
  }

  /** There once the fence was given to a shim. */
  public Path started() {
    return path.resolve("started");
  }

  public Path report() {
    return path.resolve("report.json");
  }

  /** Of the standby that waits for the next attempt. */
  Path warmLog() {
    return path.resolve("warm.log");
  }

  /** What the training script and the shim tell each other. */
  Path helper() {
    return path.resolve("helper");
  }

  public Path zero() {
    return path.resolve("zero.json");
  }

  public Path logs() {
    return path.resolve("logs");
  }

  public Path torch() {
    return path.resolve("torch");
  }

  public Path torchrunError() {
    return path.resolve("errors").resolve("torchrun.json");
  }

  /** Gone already counts as done. */
  void removeFifos() {
    for (Path fifo : children(path.resolve("fifo"))) {
      try {
        Files.deleteIfExists(fifo);
      } catch (IOException e) {
        LOG.debug("removing {}: {}", fifo, e.toString());
      }
    }
  }

  /**
   * What lies here belongs to this founding: the folders of another are moved aside, since the same
   * job, attempt and plan may come again.
   */
  static void belongTo(Path dataDir, String founding) throws IOException {
    Path groups = Files.createDirectories(dataDir.resolve("groups"));
    String before = foundingOf(groups).orElse(founding);
    if (!before.equals(founding)) {
      Files.move(groups, dataDir.resolve("groups-of-" + before.replaceAll("[^A-Za-z0-9-]", "_")));
      Files.createDirectories(groups);
    }
    PrivateFile.write(groups.resolve(FOUNDING), founding.getBytes(StandardCharsets.UTF_8));
  }

  /** True when what lies here is of another founding. */
  static boolean isOfAnother(Path dataDir, String founding) throws IOException {
    return foundingOf(dataDir.resolve("groups")).filter(f -> !f.equals(founding)).isPresent();
  }

  /** The cluster that what lies here is of; empty before a coordinator was heard. */
  static Optional<String> founding(Path dataDir) throws IOException {
    return foundingOf(dataDir.resolve("groups"));
  }

  private static Optional<String> foundingOf(Path groups) throws IOException {
    Path mark = groups.resolve(FOUNDING);
    return Files.exists(mark) ? Optional.of(Files.readString(mark)) : Optional.empty();
  }

  /** Deletes the oldest folders, never this fence's. Gone already counts as done. */
  public static void deleteOld(Path dataDir, Fence keep) throws IOException {
    Path kept = of(dataDir, keep).path();
    var all = new ArrayList<Found>();
    for (Path job : children(dataDir.resolve("groups"))) {
      var ofJob = new ArrayList<>(under(job));
      ofJob.sort(Comparator.comparingLong(Found::plan).reversed());
      for (int i = KEPT_PER_JOB; i < ofJob.size(); i++) {
        delete(ofJob.get(i).path(), kept);
      }
      all.addAll(ofJob.subList(0, Math.min(KEPT_PER_JOB, ofJob.size())));
    }
    all.sort(Comparator.comparingLong(Found::plan).reversed());
    for (int i = KEPT_IN_ALL; i < all.size(); i++) {
      delete(all.get(i).path(), kept);
    }
  }

  private static void delete(Path folder, Path kept) throws IOException {
    if (folder.equals(kept)) {
      return;
    }
    FileTree.delete(folder); // or somebody tidied up by hand
  }

  private record Found(Path path, int attempt, long plan) {}

  private static List<Found> under(Path job) {
    var found = new ArrayList<Found>();
    for (Path folder : children(job)) {
      Matcher name = NAME.matcher(String.valueOf(folder.getFileName()));
      if (name.matches()) {
        found.add(
            new Found(folder, Integer.parseInt(name.group(1)), Long.parseLong(name.group(2))));
      }
    }
    return found;
  }

  private static List<Path> children(Path folder) {
    try (Stream<Path> list = Files.list(folder)) {
      return list.toList();
    } catch (IOException e) {
      return List.of(); // nothing was ever written there
    }
  }
}
