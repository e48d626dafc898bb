package io.lockstep.agent.check;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.lockstep.agent.process.BoundedCommand;
import io.lockstep.protocol.message.WireJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Asks interpreters what they have, and remembers it until a package is changed. */
public final class VersionProbe {
  private static final Duration LIMIT = Duration.ofSeconds(10);
  private static final int MAX_REMEMBERED = 32;

  private final Path script;
  private final Map<String, Known> known =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Known> eldest) {
          return size() > MAX_REMEMBERED;
        }
      };

  /** With what the folders' times were then: pip changes them with each package. */
  private record Known(InterpreterFacts facts, Map<String, FileTime> times) {}

  public VersionProbe(Path shim) {
    this.script = shim.resolve("versions.py");
  }

  /** Blocks, for a tenth of a second where it is not known yet; empty where it cannot be asked. */
  public Optional<InterpreterFacts> of(String python, Map<String, String> env) {
    String key = python + "\n" + env.getOrDefault("PYTHONPATH", "");
    Known before;
    synchronized (known) {
      before = known.get(key);
    }
    if (before != null && before.times().equals(times(before.facts().folders()))) {
      return Optional.of(before.facts());
    }
    Optional<InterpreterFacts> now = ask(python, env);
    now.ifPresent(
        facts -> {
          synchronized (known) {
            known.put(key, new Known(facts, times(facts.folders())));
          }
        });
    return now;
  }

  private Optional<InterpreterFacts> ask(String python, Map<String, String> env) {
    try {
      BoundedCommand.Result said =
          BoundedCommand.run(
              List.of(SearchPath.resolved(python, env), script.toString()), env, LIMIT);
      return said.isSuccess() ? read(said.stdout()) : Optional.empty();
    } catch (IOException e) {
      return Optional.empty(); // PYTHON_MISSING says it
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    }
  }

  private static Optional<InterpreterFacts> read(String text) {
    JsonNode said;
    try {
      said = WireJson.json().readTree(text);
    } catch (JsonProcessingException e) {
      return Optional.empty();
    }
    if (!said.path("versions").isObject()) {
      return Optional.empty();
    }
    var versions = new TreeMap<String, String>();
    said.path("versions")
        .properties()
        .forEach(e -> versions.put(e.getKey(), e.getValue().asText()));
    var folders = new ArrayList<String>();
    said.path("folders").forEach(f -> folders.add(f.asText()));
    return Optional.of(
        new InterpreterFacts(
            versions, said.path("headers").asBoolean(), said.path("include").asText(), folders));
  }

  private static Map<String, FileTime> times(List<String> folders) {
    var times = new TreeMap<String, FileTime>();
    for (String folder : folders) {
      try {
        times.put(folder, Files.getLastModifiedTime(Path.of(folder)));
      } catch (IOException e) {
        times.put(folder, FileTime.fromMillis(0)); // gone: that is a change too
      }
    }
    return times;
  }
}
