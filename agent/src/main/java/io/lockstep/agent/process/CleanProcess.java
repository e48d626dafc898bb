package io.lockstep.agent.process;

import java.util.List;
import java.util.Map;

/** Programs that inherit nothing from the daemon's environment. */
final class CleanProcess {
  private CleanProcess() {}

  /** To be started with exactly this environment. */
  static ProcessBuilder builder(List<String> argv, Map<String, String> env) {
    var builder = new ProcessBuilder(argv);
    builder.environment().clear();
    builder.environment().putAll(env);
    return builder;
  }
}
