package io.lockstep.agent.host;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Copies of checkpoints, and what is done to them. */
final class Checkpoints {
  private Checkpoints() {}

  static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> tree = Files.walk(from)) {
      for (Path path : tree.toList()) {
        Files.copy(path, to.resolve(from.relativize(path).toString()));
      }
    }
  }

  static void delete(Path folder) throws IOException {
    List<Path> all;
    try (Stream<Path> tree = Files.walk(folder)) {
      all = tree.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path path : all) {
      Files.deleteIfExists(path);
    }
  }

  static void cutOff(Path file, long bytes) throws IOException {
    try (var open = new RandomAccessFile(file.toFile(), "rw")) {
      open.setLength(bytes);
    }
  }

  /** As the helper in the training script writes it. */
  static void writeManifest(Path checkpoint) throws IOException {
    var files = new ArrayList<String>();
    try (Stream<Path> tree = Files.walk(checkpoint)) {
      for (Path path : tree.filter(Files::isRegularFile).sorted().toList()) {
        files.add(
            "{\"name\": \"%s\", \"size\": %d}"
                .formatted(checkpoint.relativize(path), Files.size(path)));
      }
    }
    Files.writeString(
        checkpoint.resolve(Manifest.FILE),
        "{\"version\": 1, \"files\": [" + String.join(", ", files) + "]}");
  }
}
