package io.lockstep.agent.host;

import io.lockstep.protocol.model.ConversionStatus;
import io.lockstep.protocol.model.Fence;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Looks at what a conversion has written so far. {@code ds_to_universal} first takes the shards
 * apart, a folder for each parameter in {@code tmp}, then puts each together in {@code zero}.
 */
final class ConversionWatch {
  /** How often the files are looked at: on a shared folder each one is asked for over the net. */
  static final Duration INTERVAL = Duration.ofSeconds(10);

  /** Most files whose sizes are added up in one look. */
  private static final int MAX_FILES = 30_000;

  private final AtomicReference<@Nullable Watched> watched = new AtomicReference<>();

  /** What is looked at, what was seen of it, and when (nanoTime). */
  private record Watched(
      Fence fence, Path shards, Path made, Optional<ConversionStatus> seen, long atNanos) {}

  /** The tool is about to be started. */
  void begins(Fence fence, Path shards, Path made) {
    watched.set(
        new Watched(fence, shards, made, Optional.empty(), System.nanoTime() - INTERVAL.toNanos()));
  }

  void ended() {
    watched.set(null);
  }

  /** What was last seen of this attempt's conversion; does not block. */
  Optional<ConversionStatus> last(Fence fence) {
    return Optional.ofNullable(watched.get())
        .filter(w -> w.fence().equals(fence))
        .flatMap(Watched::seen);
  }

  /** It is time to look again. */
  boolean isDue() {
    Watched now = watched.get();
    return now != null && System.nanoTime() - now.atNanos() >= INTERVAL.toNanos();
  }

  /** Looks; blocks. */
  void look() {
    Watched now = watched.get();
    if (now == null) {
      return;
    }
    Optional<ConversionStatus> seen;
    try {
      seen = Optional.of(status(now.shards(), now.made()));
    } catch (IOException | UncheckedIOException | DirectoryIteratorException e) {
      seen = now.seen(); // it was just deleting, or has ended
    }
    watched.compareAndSet(
        now, new Watched(now.fence(), now.shards(), now.made(), seen, System.nanoTime()));
  }

  static ConversionStatus status(Path shards, Path made) throws IOException {
    long apart = folders(made.resolve("tmp"));
    long together = folders(made.resolve("zero"));
    return new ConversionStatus(
        together > 0,
        together,
        Math.max(apart, together),
        together > 0 ? bytes(made.resolve("zero")) : 0,
        optimizerBytes(shards));
  }

  private static long folders(Path in) throws IOException {
    long found = 0;
    try (DirectoryStream<Path> all = Files.newDirectoryStream(in, Files::isDirectory)) {
      for (Path unused : all) {
        found++;
      }
    } catch (NoSuchFileException e) {
      return 0;
    }
    return found;
  }

  private static long bytes(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder, 2)) {
      return all.limit(MAX_FILES)
          .filter(Files::isRegularFile)
          .mapToLong(ConversionWatch::size)
          .sum();
    }
  }

  private static long optimizerBytes(Path shards) throws IOException {
    try (DirectoryStream<Path> all = Files.newDirectoryStream(shards, "*optim_states.pt")) {
      long sum = 0;
      for (Path shard : all) {
        sum += size(shard);
      }
      return sum;
    }
  }

  private static long size(Path file) {
    try {
      return Files.size(file);
    } catch (IOException e) {
      return 0; // renamed or deleted meanwhile
    }
  }
}
