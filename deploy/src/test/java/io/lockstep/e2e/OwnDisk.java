package io.lockstep.e2e;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** Lets a folder be another one for one daemon and what it starts: a mount of its own. */
final class OwnDisk {
  private static final String MOUNT =
      """
      mount --bind "$1" "$2" &&
      if [ -d "$2/readonly" ]; then
        mount --bind "$2/readonly" "$2/readonly" && mount -o remount,bind,ro "$2/readonly"
      fi &&
      shift 2 &&
      exec "$@"
      """;

  private OwnDisk() {}

  /** What to put before a command, so that it sees the disk at this place. */
  static List<String> command(Path disk, Path seenAt) {
    try {
      Files.createDirectories(disk);
      Files.createDirectories(seenAt);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    var command = new ArrayList<String>(unshare());
    command.addAll(List.of("sh", "-c", MOUNT, "sh", disk.toString(), seenAt.toString()));
    return command;
  }

  /** Why this machine cannot do it; empty when it can. */
  static Optional<String> problem() {
    var command = new ArrayList<String>(unshare());
    command.addAll(List.of("mount", "--bind", "/tmp", "/tmp"));
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      boolean ended = process.waitFor(10, TimeUnit.SECONDS);
      return ended && process.exitValue() == 0
          ? Optional.empty()
          : Optional.of("no mount of one's own: " + command);
    } catch (IOException e) {
      return Optional.of("no unshare: " + e.getMessage());
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<String> unshare() {
    boolean root = System.getProperty("user.name").equals("root");
    return List.of("unshare", root ? "-m" : "-rm");
  }
}
