package io.lockstep.coordinator.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lockstep.coordinator.jobfile.NearestName;
import io.lockstep.coordinator.plan.TrainingFlags;
import io.lockstep.coordinator.plan.Warning;
import io.lockstep.protocol.model.JobSpec;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Asks the job's Python which of its flags the installed transformers does not know. Nothing of it
 * is imported, so this takes a fraction of a second: flags.py reads its source and the script's.
 */
final class FlagProbe {
  static final Duration LIMIT = Duration.ofSeconds(10);
  private static final int MAX_ANSWER_BYTES = 1 << 20;

  private final JobSpec job;
  private final Map<String, String> env;
  private final ObjectMapper json;
  private final Duration limit;

  /**
   * A question that is not asked yet.
   *
   * @param limit how long the interpreter may take
   */
  FlagProbe(JobSpec job, Map<String, String> env, ObjectMapper json, Duration limit) {
    this.job = job;
    this.env = env;
    this.json = json;
    this.limit = limit;
  }

  /** Flags that nobody knows, and a word where nobody could be asked. */
  record Found(List<Warning> warnings, Optional<String> skipped) {
    Found {
      warnings = List.copyOf(warnings);
    }

    static Found skipped(String why) {
      return new Found(List.of(), Optional.of("flags were not checked: " + why));
    }
  }

  Found ask() throws InterruptedException {
    if (job.entry() != JobSpec.Entry.FILE || !Files.isRegularFile(Path.of(job.script()))) {
      return Found.skipped("there is no script " + job.script() + " here");
    }
    List<String> names = TrainingFlags.of(job.args()).names();
    String python =
        job.python()
            .or(() -> Optional.ofNullable(env.get("LOCKSTEP_PYTHON")))
            .filter(text -> !text.isBlank())
            .orElse("python3");
    try {
      Optional<String> answer = answer(List.of(python, "-", job.script()));
      return answer.isEmpty()
          ? Found.skipped(python + " gave no answer within " + limit.toMillis() + " ms")
          : read(json.readTree(answer.get()), names);
    } catch (IOException e) {
      return Found.skipped("no answer from " + python + " (" + e.getMessage() + ")");
    }
  }

  private static Found read(JsonNode answer, List<String> names) {
    String version = answer.path("transformers").asText("");
    if (!answer.path("trainer").asBoolean()) {
      return Found.skipped("the script does not read TrainingArguments");
    } else if (version.isEmpty()) {
      return Found.skipped("that Python has no transformers");
    }
    Set<String> known = new LinkedHashSet<>();
    answer.path("known").forEach(name -> known.add(name.asText()));
    var warnings = new ArrayList<Warning>();
    for (String name : names) {
      if (!known.contains(name) && !known.contains(positive(name))) {
        String nearest = NearestName.of(name, known).map(n -> "; the nearest is --" + n).orElse("");
        warnings.add(
            new Warning(
                "UNKNOWN_FLAG",
                "neither transformers " + version + " nor the script knows --" + name + nearest));
      }
    }
    return new Found(warnings, Optional.empty());
  }

  /** HF has --no_x for each flag x that is on by default. */
  private static String positive(String name) {
    return name.startsWith("no_") ? name.substring(3) : name;
  }

  private Optional<String> answer(List<String> argv) throws IOException, InterruptedException {
    Path program = Files.createTempFile("lockstep-flags", ".py");
    Path out = Files.createTempFile("lockstep-flags", ".json");
    try (InputStream source = FlagProbe.class.getResourceAsStream("flags.py")) {
      if (source == null) {
        throw new IllegalStateException("flags.py is not packed");
      }
      Files.write(program, source.readAllBytes());
      // files, not pipes: nothing that the interpreter starts can keep us reading
      Process process =
          new ProcessBuilder(argv)
              .redirectInput(program.toFile())
              .redirectOutput(out.toFile())
              .redirectError(new File("/dev/null"))
              .start();
      try {
        if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
          return Optional.empty();
        }
      } finally {
        process.destroyForcibly();
      }
      if (process.exitValue() != 0) {
        throw new IOException("it ended with " + process.exitValue());
      }
      try (InputStream in = Files.newInputStream(out)) {
        return Optional.of(new String(in.readNBytes(MAX_ANSWER_BYTES), StandardCharsets.UTF_8));
      }
    } finally {
      Files.deleteIfExists(program);
      Files.deleteIfExists(out);
    }
  }
}
