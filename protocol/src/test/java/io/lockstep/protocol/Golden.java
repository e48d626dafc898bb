package io.lockstep.protocol;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a release wrote, checked in so that the next one still reads it. {@code
 * -Dgolden.record=true} writes it anew; review the difference.
 */
public final class Golden {
  private static final Path ROOT = Path.of("src/test/resources/golden");
  private static final int BYTES_PER_LINE = 50;

  private Golden() {}

  /** What this release wrote of a kind, by name: kept for ever. */
  public static Map<String, byte[]> ofRelease(String release, String kind) {
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
  public static byte[] bytes(String name, byte[] now) {
    String hex =
        HexFormat.of().formatHex(now).replaceAll("(.{" + 2 * BYTES_PER_LINE + "})", "$1\n");
    return HexFormat.of().parseHex(text(name + ".hex", hex.strip() + "\n").replaceAll("\\s", ""));
  }

  /** The text kept under this name; {@code now} replaces it when recording. */
  public static String text(String name, String now) {
    Path file = ROOT.resolve(name);
    try {
      if (Boolean.getBoolean("golden.record")) {
        Files.createDirectories(file.resolveSibling("."));
        Files.writeString(file, now);
      }
      return Files.readString(file, StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException("no golden " + file + "; record it once", e);
    }
  }
}
