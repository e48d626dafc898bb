package io.lockstep.coordinator.cli;

import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** A zip file that is there whole or not at all, bounded, with a list of what is in it and not. */
final class BundleArchive implements Closeable {
  /** Most bytes of all entries together, before they are packed. */
  static final long MAX_BYTES = 64L << 20;

  private static final String MANIFEST = "MANIFEST.txt";

  private final Path target;
  private final Path temporary;
  private final ZipOutputStream zip;
  private final List<String> manifest = new ArrayList<>();
  private final List<String> missing = new ArrayList<>();
  private long bytes;

  private BundleArchive(Path target, Path temporary, OutputStream out) {
    this.target = target;
    this.temporary = temporary;
    this.zip = new ZipOutputStream(out, StandardCharsets.UTF_8);
  }

  /** Begins one beside the target, which others than its owner cannot read. */
  static BundleArchive open(Path target) throws IOException {
    Path folder = Optional.ofNullable(target.toAbsolutePath().getParent()).orElse(Path.of("/"));
    Path temporary = Files.createTempFile(folder, ".lockstep-bundle-", ".zip");
    try {
      return new BundleArchive(target, temporary, Files.newOutputStream(temporary));
    } catch (IOException e) {
      Files.deleteIfExists(temporary);
      throw e;
    }
  }

  /** One file of it; beyond the bound it is missing. */
  void add(String name, String text) throws IOException {
    byte[] content = text.getBytes(StandardCharsets.UTF_8);
    if (bytes + content.length > MAX_BYTES) {
      miss(name, "the bundle is full at " + MAX_BYTES + " bytes");
      return;
    }
    bytes += content.length;
    write(name, content);
    manifest.add("%10d  %s".formatted(content.length, name));
  }

  /** One file that should be there and is not. */
  void miss(String name, String why) {
    missing.add(name + ": " + why.replaceAll("\\s+", " "));
  }

  List<String> missing() {
    return List.copyOf(missing);
  }

  /** Writes the list, and puts the file in its place. */
  void finish() throws IOException {
    var lines = new ArrayList<String>();
    lines.add("Lockstep post-mortem bundle. Bytes and names of what is in it:");
    lines.add("");
    lines.addAll(manifest);
    lines.add("");
    lines.add(missing.isEmpty() ? "Nothing is missing." : "What is missing, and why:");
    lines.add("");
    lines.addAll(missing);
    lines.add("");
    lines.add("Values of variables and flags whose names hold key, token, secret, passw,");
    lines.add("credential, auth, cookie, private, signature, dsn or webhook were left out on");
    lines.add("the nodes. Output and error files are as the script wrote them.");
    write(MANIFEST, String.join("\n", lines).concat("\n").getBytes(StandardCharsets.UTF_8));
    zip.close();
    try {
      Files.move(
          temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (AtomicMoveNotSupportedException e) {
      Files.move(temporary, target, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  private void write(String name, byte[] content) throws IOException {
    zip.putNextEntry(new ZipEntry(name));
    zip.write(content);
    zip.closeEntry();
  }

  /** Unless it was finished, nothing is left. */
  @Override
  public void close() throws IOException {
    zip.close();
    Files.deleteIfExists(temporary);
  }
}
