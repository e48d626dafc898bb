package io.lockstep.agent.check;

import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.ReasonCode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What the job reads is there: model, tokenizer, data. */
final class PathsCheck implements Check {
  @Override
  public ReasonCode code() {
    return ReasonCode.PATH_MISSING;
  }

  @Override
  public Finding look(Subject subject) {
    JobSpec.Paths paths = subject.job().map(JobSpec::paths).orElse(JobSpec.Paths.NONE);
    List<String> missing =
        List.of(
                Map.entry("paths.model", paths.model()),
                Map.entry("paths.tokenizer", paths.tokenizer()),
                Map.entry("paths.trainFiles", paths.trainFiles()),
                Map.entry("paths.validFiles", paths.validFiles()))
            .stream()
            .filter(PathsCheck::isMissing)
            .map(e -> e.getKey() + ": " + e.getValue().orElseThrow() + " is not there")
            .toList();
    return missing.isEmpty()
        ? ok("all paths of the job are there")
        : fail("mount or copy it there, or change the job", "%s", String.join("; ", missing));
  }

  private static boolean isMissing(Map.Entry<String, Optional<String>> path) {
    return path.getValue().filter(p -> !Files.exists(Path.of(p))).isPresent();
  }
}
