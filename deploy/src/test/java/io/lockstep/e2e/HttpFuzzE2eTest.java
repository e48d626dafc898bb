package io.lockstep.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;

/** schemathesis against real daemons, where it is installed: deploy/tools/fuzz-http. */
@DisabledIfSystemProperty(named = "slow.tests", matches = "false")
final class HttpFuzzE2eTest {
  private static final Path DIR = Installation.freshFolder("http-fuzz");
  private static final long LIMIT_SECONDS = 180;

  @Test
  void noRequestIsA5xxOrAnAnswerThatTheDocumentDoesNotKnow() throws Exception {
    Optional<String> schemathesis = schemathesis();
    assumeTrue(
        schemathesis.isPresent(),
        "schemathesis is not installed (SCHEMATHESIS, PATH): deploy/tools/fuzz-http says how");

    try (Fleet fleet = Fleet.of(DIR, 3)) {
      Path said = DIR.resolve("fuzz.log");
      var builder =
          new ProcessBuilder(
                  Path.of("tools", "fuzz-http").toAbsolutePath().toString(),
                  "http://" + fleet.address(0) + ":7733",
                  "--seed",
                  "1")
              .directory(DIR.toFile())
              .redirectErrorStream(true)
              .redirectOutput(said.toFile());
      builder.environment().put("SCHEMATHESIS", schemathesis.get());
      Process fuzz = builder.start();

      assertThat(fuzz.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)).isTrue();
      assertThat(fuzz.exitValue()).as(Files.readString(said)).isZero();
      for (String address : fleet.addresses()) {
        assertThat(Files.readString(DIR.resolve(address).resolve("out.log")))
            .doesNotContain("ERROR")
            .doesNotContain("\tat ");
      }
    }
  }

  private static Optional<String> schemathesis() {
    String named = System.getenv().getOrDefault("SCHEMATHESIS", "");
    if (!named.isBlank()) {
      return Optional.of(named);
    }
    return List.of(System.getenv().getOrDefault("PATH", "").split(":", -1)).stream()
        .map(folder -> Path.of(folder, "schemathesis"))
        .filter(Files::isExecutable)
        .map(Path::toString)
        .findFirst();
  }
}
