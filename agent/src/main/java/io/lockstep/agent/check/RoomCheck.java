package io.lockstep.agent.check;

import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.ReasonCode;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Comparator;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The checkpoint folder has room for one more checkpoint: the old one goes after the new one. */
final class RoomCheck implements Check {
  /** A checkpoint of more files is not measured to its end. */
  private static final int MAX_FILES = 4_096;

  /** Weights in 2 bytes, Adam's state in 12, against weights alone. */
  private static final long TIMES_THE_MODEL = 7;

  private static final Pattern NUMBERED = Pattern.compile("(?:checkpoint-|global_step)(\\d+)");

  @Override
  public ReasonCode code() {
    return ReasonCode.CHECKPOINT_NO_ROOM;
  }

  @Override
  public Finding look(Subject subject) {
    if (subject.folder().isEmpty()) {
      return skipped("no checkpoint folder");
    }
    if (subject.launch().filter(l -> l.nodeRank() != 0).isPresent()) {
      return skipped("node rank 0 looks for all");
    }
    Path folder = Path.of(subject.folder().get());
    try {
      long free = Files.getFileStore(existing(folder)).getUsableSpace();
      Optional<Path> newest = newest(folder);
      if (newest.isPresent()) {
        return finding(free, bytes(newest.get()), newest.get().getFileName() + " has", true);
      }
      Optional<Path> model = subject.job().flatMap(j -> j.paths().model()).map(Path::of);
      return model.isPresent() && Files.isDirectory(model.get())
          ? finding(free, TIMES_THE_MODEL * weights(model.get()), "the model suggests", false)
          : ok("%d MiB free in %s, none was saved yet", free >> 20, folder);
    } catch (IOException e) {
      return skipped("%s cannot be measured: %s", folder, e);
    }
  }

  /** What was measured is certain; what was estimated is not. */
  private Finding finding(long free, long needed, String whence, boolean measured) {
    String found = "%d MiB are free, %s %d MiB".formatted(free >> 20, whence, needed >> 20);
    String todo = "free space, or choose another checkpoint folder";
    if (free >= needed) {
      return ok("%s", found);
    }
    return measured ? fail(todo, "%s", found) : warn(todo, "%s", found);
  }

  private static Path existing(Path folder) {
    Path at = folder.toAbsolutePath();
    while (!Files.exists(at) && at.getParent() != null) {
      at = at.getParent();
    }
    return at;
  }

  private static Optional<Path> newest(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return Optional.empty();
    }
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(p -> step(p) >= 0)
          .filter(Files::isDirectory)
          .max(Comparator.comparingLong(RoomCheck::step));
    }
  }

  private static long step(Path folder) {
    Matcher number = NUMBERED.matcher(folder.getFileName().toString());
    try {
      return number.matches() ? Long.parseLong(number.group(1)) : -1;
    } catch (NumberFormatException e) {
      return -1;
    }
  }

  private static long weights(Path model) throws IOException {
    try (Stream<Path> all = Files.list(model)) {
      long sum = 0;
      for (Path file : all.filter(p -> p.toString().endsWith(".safetensors")).toList()) {
        sum += Files.size(file);
      }
      return sum;
    }
  }

  private static long bytes(Path folder) throws IOException {
    var sum = new long[2];
    Files.walkFileTree(
        folder,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes found) {
            sum[0] += found.size();
            return ++sum[1] < MAX_FILES ? FileVisitResult.CONTINUE : FileVisitResult.TERMINATE;
          }

          @Override
          public FileVisitResult visitFileFailed(Path file, IOException e) {
            return FileVisitResult.CONTINUE; // rotation takes them away
          }
        });
    return sum[0];
  }
}
