package io.lockstep.coordinator.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.coordinator.jobfile.JobDocument;
import io.lockstep.coordinator.jobfile.JobFile;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class JobFileResolverTest {
  private final JobFileResolver resolver = new JobFileResolver(Path.of("/jobs/a"), "/home/u");

  @Test
  void relativePathsAreTakenFromTheWorkdirAndThatFromTheJobFile() {
    JobDocument document =
        resolve(
            """
            script: src/x.py
            workdir: ../b
            paths: {model: m, tokenizer: /t, output: ~/out, cache: ./c/../d}
            checkpoint: {dir: ck}
            python: venv/bin/python
            """);

    assertThat(document.text("workdir")).contains("/jobs/b");
    assertThat(document.text("script")).contains("/jobs/b/src/x.py");
    assertThat(document.text("paths.model")).contains("/jobs/b/m");
    assertThat(document.text("paths.tokenizer")).contains("/t");
    assertThat(document.text("paths.output")).contains("/home/u/out");
    assertThat(document.text("paths.cache")).contains("/jobs/b/d");
    assertThat(document.text("checkpoint.dir")).contains("/jobs/b/ck");
    assertThat(document.text("python")).contains("/jobs/b/venv/bin/python");
  }

  @Test
  void whatIsNoPathStaysAsItIs() {
    JobDocument document = resolve("script: /x.py\npython: python3.11\nzero: 2\n");

    assertThat(document.text("python")).contains("python3.11");
    assertThat(document.text("zero")).contains("2");
    assertThat(document.text("workdir")).contains("/jobs/a");
    assertThat(document.has("paths")).isFalse();
  }

  @Test
  void aPathThatCannotBeIsLeftToTheReader() {
    JobDocument document = resolve("script: \"a\\0b\"\npaths: [x]\nworkdir: {a: b}\nzero: \"\\0\"");

    assertThat(document.mistakes()).isEmpty();
  }

  @Test
  void theShippedExamplesAreJobFiles() throws Exception {
    Path examples = Path.of("../deploy/examples");
    try (var files = Files.newDirectoryStream(examples, "*.yaml")) {
      for (Path file : files) {
        var document =
            new JobFileResolver(examples, "/").resolve(JobDocument.read(Files.readString(file)));
        assertThat(JobFile.parse(document, JobFile.Defaults.STANDARD).mistakes())
            .as(file.toString())
            .isEmpty();
      }
    }
  }

  private JobDocument resolve(String text) {
    return resolver.resolve(JobDocument.read(text));
  }
}
