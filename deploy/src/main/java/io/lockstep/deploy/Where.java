package io.lockstep.deploy;

import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Option;

/** The options that say which daemon's settings are meant. */
final class Where {
  /** Where the launcher says that the distribution lies. */
  private static final String HOME_PROPERTY = "lockstep.home";

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "Settings file (env LOCKSTEP_CONFIG; default conf/lockstep.conf).")
  private Optional<Path> config = Optional.empty();

  @Option(
      names = "--host",
      paramLabel = "ADDR",
      description = "The daemon's one address (default: the one that leads to the seats).")
  private Optional<String> host = Optional.empty();

  @Option(
      names = "--seats",
      paramLabel = "A,B,C",
      description = "Where the coordinator may run: host or host:port (default: this daemon).")
  private Optional<String> seats = Optional.empty();

  @Option(
      names = "--data-dir",
      paramLabel = "DIR",
      description = "Own folder on a local disk (default ~/.lockstep/ADDR).")
  private Optional<String> dataDir = Optional.empty();

  /** The effective settings: options, then environment, file and defaults. */
  DaemonSettings settings() throws SettingsException {
    Optional<Path> home = Optional.ofNullable(System.getProperty(HOME_PROPERTY)).map(Path::of);
    return SettingsReader.read(
        new Flags(config, host, seats, dataDir), System.getenv(), home, Version.current());
  }
}
