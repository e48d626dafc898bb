package io.lockstep.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The unpacked distribution on the newest Java that is supported, from a folder with a space. */
@DisabledIfSystemProperty(named = "slow.tests", matches = "false")
final class DistributionE2eTest {
  private static final Path JVMS = Path.of("/usr/lib/jvm");
  private static final Duration LIMIT = Duration.ofMinutes(2);
  private static final Path DIR = Installation.freshFolder("distribution");

  private static final String DAEMON = Installation.HOME.resolve("bin/lockstepd").toString();

  @Test
  void itRunsOnJava25AndFromAnyFolder() throws Exception {
    Optional<Path> java = java("25");
    assumeTrue(java.isPresent(), "no JDK 25 in " + JVMS);

    try (Fleet fleet = Fleet.on(DIR, 3, java.get())) {
      var bare = new BareJob(DIR, "java25").args("--steps", "5").with("nodes: 2");
      String id = fleet.submit(bare.file());
      fleet.awaitPhase(id, "SUCCEEDED");
      assertThat(Files.readString(DIR.resolve(fleet.address(0)).resolve("out.log")))
          .doesNotContain("WARNING:");
    }
  }

  @Test
  void theLauncherFollowsLinksAndSpaces() throws Exception {
    Path odd = Files.createDirectories(DIR.resolve("a folder"));
    Path link = Files.createSymbolicLink(odd.resolve("home"), Installation.HOME);

    assertThat(run(link.resolve("bin/lockstep").toString(), "version")).contains("lockstep");
    assertThat(run(link.resolve("bin/lockstepd").toString(), "--check", "--host", "127.0.0.1"))
        .contains("node-silent-after");
  }

  @ParameterizedTest
  @ValueSource(strings = {"-XX:TieredStopAtLevel=4", "-XX:-TieredCompilation", "-Xint", "-Xmx64m"})
  void theDaemonTakesOtherFlagsOfItsJvm(String flag) throws Exception {
    assertThat(
            runWith(Map.of("LOCKSTEP_JAVA_OPTS", flag), DAEMON, "--check", "--host", "127.0.0.1"))
        .contains("node-silent-after");
  }

  @Test
  void theArchiveOfClassesIsMadeThoughAnEarlierMakerWasKilled() throws Exception {
    Path caches = Files.createDirectories(DIR.resolve("caches"));
    Path archive = archiveMadeIn(caches);
    Files.delete(archive);
    Path left = Files.createDirectory(Path.of(archive + ".making"));
    Files.setLastModifiedTime(left, FileTime.from(Instant.now().minus(Duration.ofHours(2))));

    assertThat(archiveMadeIn(caches)).isEqualTo(archive);
    await().atMost(LIMIT).until(() -> !Files.exists(left));
  }

  private static Path archiveMadeIn(Path caches) throws Exception {
    var builder =
        new ProcessBuilder(Installation.HOME.resolve("bin/lockstep").toString(), "--help")
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.DISCARD);
    builder.environment().put("XDG_CACHE_HOME", caches.toString());
    builder.environment().remove("LOCKSTEP_CLASS_CACHE");
    assertThat(builder.start().waitFor()).isZero();
    Path folder = caches.resolve("lockstep");
    return await().atMost(LIMIT).until(() -> archives(folder), made -> made.size() == 1).get(0);
  }

  private static List<Path> archives(Path folder) throws IOException {
    try (var found = Files.list(folder)) {
      return found.filter(file -> file.toString().endsWith(".jsa")).toList();
    }
  }

  private static String run(String... command) throws IOException, InterruptedException {
    return runWith(Map.of(), command);
  }

  private static String runWith(Map<String, String> environment, String... command)
      throws IOException, InterruptedException {
    var builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("LOCKSTEP_PYTHON", Installation.PYTHON);
    builder.environment().putAll(environment);
    Process process = builder.start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(said).isZero();
    return said;
  }

  private static Optional<Path> java(String version) throws IOException {
    if (!Files.isDirectory(JVMS)) {
      return Optional.empty();
    }
    try (var found = Files.list(JVMS)) {
      List<Path> sorted = found.sorted(Comparator.naturalOrder()).toList();
      for (Path home : sorted) {
        Path release = home.resolve("release");
        if (Files.isExecutable(home.resolve("bin/java"))
            && Files.isReadable(release)
            && Files.readString(release).contains("JAVA_VERSION=\"" + version)) {
          return Optional.of(home);
        }
      }
    }
    return Optional.empty();
  }
}
