package io.lockstep.deploy.run;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** The folder of one call: the daemon's memory, its log, every rank's output. */
record RunFolder(Path path, boolean isAsked) {
  private static final String PREFIX = "lockstep-run-";

  /** Made anew, for the caller alone; under --log-dir, else TMPDIR, else /tmp. */
  static RunFolder create(RunRequest request, Map<String, String> env) throws IOException {
    Path base =
        request
            .logDir()
            .orElseGet(() -> Path.of(env.getOrDefault("TMPDIR", "/tmp")).toAbsolutePath());
    Files.createDirectories(base);
    return new RunFolder(Files.createTempDirectory(base, PREFIX), request.logDir().isPresent());
  }

  /** True when nothing began, as for a rank that is taken. */
  boolean isEmpty() throws IOException {
    try (Stream<Path> within = Files.list(path)) {
      return within.findAny().isEmpty();
    }
  }

  /** Only what cannot be deleted stays. */
  void delete() throws IOException {
    List<Path> all;
    try (Stream<Path> walk = Files.walk(path)) {
      all = walk.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path one : all) {
      Files.deleteIfExists(one);
    }
  }
}
