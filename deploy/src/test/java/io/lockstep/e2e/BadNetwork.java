package io.lockstep.e2e;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/** An interpreter that has no network on the hosts that a test names, as long as it wants. */
final class BadNetwork {
  private final Path dir;

  BadNetwork(Path dir) {
    this.dir = dir;
  }

  /** The daemon that starts it decides which network it has. */
  Path python() {
    Path python =
        PlainJob.write(
            dir.resolve("python-with-bad-network"),
            """
            #!/bin/sh
            for bad in %s/bad-network-of-*; do
              case "$(tr '\\0' ' ' </proc/$PPID/cmdline)" in
                *"--host ${bad##*-} "*) export GLOO_SOCKET_IFNAME=nosuch0 ;;
              esac
            done
            exec %s "$@"
            """
                .formatted(dir, Installation.PYTHON));
    try {
      return Files.setPosixFilePermissions(python, PosixFilePermissions.fromString("rwxr-xr-x"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  BadNetwork on(String address) {
    PlainJob.write(dir.resolve("bad-network-of-" + address), "");
    return this;
  }
}
