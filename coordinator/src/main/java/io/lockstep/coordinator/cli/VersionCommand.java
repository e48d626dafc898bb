package io.lockstep.coordinator.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.Properties;
import picocli.CommandLine.Command;

/** Says which Lockstep this is. */
@Command(
    name = "version",
    description = "Print the version of this command.",
    footer = {"", "Examples:", "  lockstep version", "  lockstep version --output json"})
final class VersionCommand extends Verb {
  @Override
  ExitCode run(Session session) {
    String java = System.getProperty("java.version", "unknown");
    if (session.isJson()) {
      session.printJson(Map.of("version", version(), "java", java));
    } else {
      session.print("lockstep " + version() + " (java " + java + ")");
    }
    return ExitCode.DONE;
  }

  static String version() {
    var properties = new Properties();
    try (InputStream in = VersionCommand.class.getResourceAsStream("version.properties")) {
      if (in != null) {
        properties.load(in);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("version.properties", e);
    }
    return properties.getProperty("version", "unknown");
  }
}
