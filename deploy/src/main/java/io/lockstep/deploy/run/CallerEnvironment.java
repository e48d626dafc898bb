package io.lockstep.deploy.run;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** What the caller's shell hands down to the workers of this host. */
final class CallerEnvironment {
  private static final List<String> PYTHONS = List.of("python", "python3");

  private CallerEnvironment() {}

  /** All of it; what an earlier launch left in it is taken out where torchrun's is written. */
  static Map<String, String> forWorkers(Map<String, String> caller) {
    var env = new TreeMap<>(caller);
    // torch's own default would be shared with builds that a killed torchrun left locked
    env.putIfAbsent("TORCH_EXTENSIONS_DIR", extensions(caller).toString());
    return env;
  }

  /** Where DeepSpeed's ops are kept once compiled, so that not every call compiles them. */
  static Path extensions(Map<String, String> caller) {
    String cache = caller.getOrDefault("XDG_CACHE_HOME", "");
    Path base =
        cache.isBlank() ? Path.of(caller.getOrDefault("HOME", "/tmp"), ".cache") : Path.of(cache);
    return base.resolve("lockstep").resolve("torch_extensions");
  }

  /** LOCKSTEP_PYTHON, else the {@code python} that the caller's shell would take. */
  static Optional<String> python(Map<String, String> caller) {
    String named = caller.getOrDefault("LOCKSTEP_PYTHON", "");
    if (!named.isBlank()) {
      return onPath(named, caller);
    }
    return PYTHONS.stream().flatMap(name -> onPath(name, caller).stream()).findFirst();
  }

  /** A program as the shell finds it; absolute. */
  static Optional<String> onPath(String program, Map<String, String> caller) {
    if (program.contains("/")) {
      Path path = Path.of(program).toAbsolutePath();
      return isProgram(path) ? Optional.of(path.toString()) : Optional.empty();
    }
    return List.of(caller.getOrDefault("PATH", "").split(":", -1)).stream()
        .filter(folder -> !folder.isEmpty())
        .map(folder -> Path.of(folder, program).toAbsolutePath())
        .filter(CallerEnvironment::isProgram)
        .map(Path::toString)
        .findFirst();
  }

  private static boolean isProgram(Path path) {
    return Files.isRegularFile(path) && Files.isExecutable(path);
  }
}
