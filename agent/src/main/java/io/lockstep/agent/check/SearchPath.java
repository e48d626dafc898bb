package io.lockstep.agent.check;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** Finds programs as a shell does. */
public final class SearchPath {
  private SearchPath() {}

  /** The program to start with this environment: the JVM would look on its own PATH. */
  public static String resolved(String program, Map<String, String> env) {
    return program.contains("/") ? program : find(program, env).map(Path::toString).orElse(program);
  }

  /** The first folder of this environment's PATH that has it decides. */
  static Optional<Path> find(String program, Map<String, String> env) {
    for (String folder : env.getOrDefault("PATH", "").split(":", -1)) {
      if (!folder.isEmpty() && Files.isExecutable(Path.of(folder, program))) {
        return Optional.of(Path.of(folder, program));
      }
    }
    return Optional.empty();
  }
}
