package io.lockstep.deploy.run;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What workers inherit from the shell that called. */
final class CallerEnvironmentTest {
  @Test
  void workersHaveTheCallersEnvironmentAndAFolderForCompiledOps() {
    Map<String, String> env =
        CallerEnvironment.forWorkers(Map.of("HOME", "/home/me", "NCCL_DEBUG", "INFO"));

    assertThat(env)
        .containsOnlyKeys("HOME", "NCCL_DEBUG", "TORCH_EXTENSIONS_DIR")
        .containsEntry("TORCH_EXTENSIONS_DIR", "/home/me/.cache/lockstep/torch_extensions");
  }

  @Test
  void aFolderForCompiledOpsThatTheCallerNamesStays() {
    assertThat(CallerEnvironment.forWorkers(Map.of("TORCH_EXTENSIONS_DIR", "/x")))
        .containsEntry("TORCH_EXTENSIONS_DIR", "/x");
  }

  @Test
  void pythonIsTheOneOfThePathUnlessNamed(@TempDir Path dir) throws IOException {
    Path first = program(dir.resolve("a"), "python3");
    Path second = program(dir.resolve("b"), "python");
    String path = dir.resolve("a") + ":" + dir.resolve("b");

    assertThat(CallerEnvironment.python(Map.of("PATH", path))).hasValue(second.toString());
    assertThat(CallerEnvironment.python(Map.of("PATH", path, "LOCKSTEP_PYTHON", "python3")))
        .hasValue(first.toString());
    assertThat(CallerEnvironment.python(Map.of("PATH", path, "LOCKSTEP_PYTHON", "/gone")))
        .isEmpty();
    assertThat(CallerEnvironment.python(Map.of())).isEmpty();
  }

  @Test
  void onlyLocksThatNoBuildCanStillHoldAreRemoved(@TempDir Path dir) throws IOException {
    Instant now = Instant.parse("2026-11-25T12:00:00Z");
    Path old = lock(dir.resolve("py/op"), now.minus(StaleLocks.OLD).minusSeconds(1));
    Path young = lock(dir.resolve("py/other"), now.minusSeconds(60));

    StaleLocks.remove(dir, now);
    StaleLocks.remove(dir.resolve("gone"), now);

    assertThat(old).doesNotExist();
    assertThat(young).exists();
  }

  private static Path lock(Path folder, Instant modified) throws IOException {
    Path lock = Files.createFile(Files.createDirectories(folder).resolve("lock"));
    return Files.setLastModifiedTime(lock, FileTime.from(modified));
  }

  private static Path program(Path folder, String name) throws IOException {
    Path file = Files.createFile(Files.createDirectories(folder).resolve(name));
    assertThat(file.toFile().setExecutable(true)).isTrue();
    return file;
  }
}
