package io.lockstep.agent.process;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Chooses socket paths short enough for the kernel, in a folder that only its owner enters. */
record ShimSockets(Path folder, Path dataDir) {
  private static final Logger LOG = LoggerFactory.getLogger(ShimSockets.class);

  /** sun_path holds 108 bytes; the rest is margin. */
  static final int MAX_PATH_BYTES = 99;

  private static final int NAME_HEX = 16;
  private static final String SUFFIX = ".sock";

  /** Where the workers of a warm start ask for their fork: beside the shim's own. */
  private static final String WARM_SUFFIX = ".w";

  static ShimSockets under(Path dataDir) throws IOException {
    Path own = dataDir.toAbsolutePath().resolve("run");
    int needed =
        own.toString().getBytes(StandardCharsets.UTF_8).length + 1 + NAME_HEX + SUFFIX.length();
    Path folder =
        needed <= MAX_PATH_BYTES
            ? own
            : Path.of("/tmp/lockstep-" + Files.getAttribute(Path.of("/proc/self"), "unix:uid"));
    makePrivate(folder);
    return new ShimSockets(folder, dataDir);
  }

  Path of(String marker) {
    return folder.resolve(hash(marker + "\n" + dataDir.toAbsolutePath()) + SUFFIX);
  }

  /** Gone already counts as done. */
  void remove(Path socket) {
    try {
      Files.deleteIfExists(socket);
      Files.deleteIfExists(Path.of(socket + WARM_SUFFIX));
    } catch (IOException e) {
      LOG.debug("removing {}: {}", socket, e.toString());
    }
  }

  private static void makePrivate(Path folder) throws IOException {
    if (folder.getParent() != null) {
      Files.createDirectories(folder.getParent());
    }
    try {
      Files.createDirectory(
          folder,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    } catch (FileAlreadyExistsException e) {
      boolean isOurs =
          Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)
              && Files.getAttribute(folder, "unix:uid", LinkOption.NOFOLLOW_LINKS)
                  .equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"));
      if (!isOurs) {
        throw new IOException(
            folder + " is not a folder of this user; remove it or choose a shorter data dir", e);
      }
      Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
    }
  }

  private static String hash(String text) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest).substring(0, NAME_HEX);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
