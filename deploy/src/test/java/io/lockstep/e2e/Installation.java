package io.lockstep.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** The unpacked distribution and a Python that can train, each made once for all tests. */
final class Installation {
  /** Ordinal of this JVM among those that run tests at once. */
  static final int FORK = Integer.getInteger("lockstep.fork", 1);

  static final Path HOME = unpack();
  static final String PYTHON = python();
  static final Path EXAMPLES = HOME.resolve("examples");

  private static final int PYTHON_LIMIT_MINUTES = 30;
  private static final Map<Class<?>, Path> FOLDERS = new ConcurrentHashMap<>();
  private static final StackWalker CALLER =
      StackWalker.getInstance(StackWalker.Option.RETAIN_CLASS_REFERENCE);

  private Installation() {}

  private static Path unpack() {
    Path target = Path.of("target").toAbsolutePath();
    Path into = target.resolve("e2e-dist-" + FORK);
    try (var found = Files.list(target)) {
      Path archive =
          found
              .filter(p -> p.getFileName().toString().matches("lockstep-.*\\.tar\\.gz"))
              .max(Comparator.comparing(p -> p.toFile().lastModified()))
              .orElseThrow(() -> new IllegalStateException("no distribution in " + target));
      run(List.of("rm", "-rf", into.toString()));
      Files.createDirectories(into);
      run(List.of("tar", "-xzf", archive.toString(), "-C", into.toString()));
      try (var unpacked = Files.list(into)) {
        return unpacked.findFirst().orElseThrow();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String python() {
    Path script = Path.of("bin", "prepare-python").toAbsolutePath();
    try {
      Process process =
          new ProcessBuilder(script.toString())
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      String path = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(process.waitFor(PYTHON_LIMIT_MINUTES, TimeUnit.MINUTES)).isTrue();
      assertThat(process.exitValue()).as("prepare-python").isZero();
      return path.strip();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * An empty folder with a short path for the class that calls; it stays after the tests, with
   * every log in it. {@link FreshFolders} empties it again before the class runs a second time.
   */
  static Path freshFolder(String name) {
    Path folder = Path.of(System.getProperty("lockstep.e2e.dir", "/tmp/lockstep-e2e"), name);
    FOLDERS.put(CALLER.getCallerClass(), folder);
    return emptied(folder);
  }

  /** The folder that this class asked for. */
  static Optional<Path> folderOf(Class<?> test) {
    return Optional.ofNullable(FOLDERS.get(test));
  }

  /** Puts what a first run left aside, where a person may look. */
  static void putAside(Path folder) {
    Path aside = folder.resolveSibling(folder.getFileName() + "-failed");
    run(List.of("rm", "-rf", aside.toString()));
    run(List.of("mv", folder.toString(), aside.toString()));
    emptied(folder);
  }

  private static Path emptied(Path folder) {
    run(List.of("rm", "-rf", folder.toString()));
    run(List.of("mkdir", "-p", folder.toString()));
    return folder;
  }

  private static void run(List<String> command) {
    try {
      Process process = new ProcessBuilder(command).inheritIO().start();
      assertThat(process.waitFor(2, TimeUnit.MINUTES)).isTrue();
      assertThat(process.exitValue()).as("%s", command).isZero();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
