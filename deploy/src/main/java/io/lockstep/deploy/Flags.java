package io.lockstep.deploy;

import java.nio.file.Path;
import java.util.Optional;

/** What the command line says; it comes before environment and file. */
record Flags(
    Optional<Path> config,
    Optional<String> host,
    Optional<String> seats,
    Optional<String> dataDir) {
  static final Flags NONE =
      new Flags(Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());
}
