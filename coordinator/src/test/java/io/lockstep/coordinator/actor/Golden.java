package io.lockstep.coordinator.actor;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;

/**
 * Bytes that a release wrote, checked in so that the next one still reads them. {@code
 * -Dgolden.record=true} writes them anew; review the difference.
 */
final class Golden {
  private static final Path ROOT = Path.of("src/test/resources/golden");
  private static final int BYTES_PER_LINE = 50;

  private Golden() {}

  /** What this release wrote of a kind, by name: kept for ever. */
  static Map<String, byte[]> ofRelease(String release, String kind) {
    var all = new TreeMap<String, byte[]>();
    try (DirectoryStream<Path> files =
        Files.newDirectoryStream(ROOT.resolve(release).resolve(kind), "*.hex")) {
      for (Path file : files) {
        String name = file.getFileName().toString().replace(".hex", "");
        all.put(name, HexFormat.of().parseHex(Files.readString(file).replaceAll("\\s", "")));
      }
    } catch (IOException e) {
      throw new UncheckedIOException("no golden bytes of " + release, e);
    }
    return all;
  }

  /** The bytes kept under this name; {@code now} replaces them when recording. */
  static byte[] bytes(String name, byte[] now) {
    Path file = ROOT.resolve(name + ".hex");
    try {
      if (Boolean.getBoolean("golden.record")) {
        String hex = HexFormat.of().formatHex(now);
        Files.createDirectories(file.resolveSibling("."));
        Files.writeString(
            file, hex.replaceAll("(.{" + 2 * BYTES_PER_LINE + "})", "$1\n").strip() + "\n");
      }
      return HexFormat.of().parseHex(Files.readString(file).replaceAll("\\s", ""));
    } catch (IOException e) {
      throw new UncheckedIOException("no golden " + file + "; record it once", e);
    }
  }
}
