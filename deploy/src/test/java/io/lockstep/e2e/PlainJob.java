package io.lockstep.e2e;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;

/** A job of a few lines of Python without torch, which start at once, and what they noted. */
final class PlainJob {
  private static final String PRELUDE =
      """
      import os, signal, sys, time
      rank, node_rank = int(os.environ["RANK"]), int(os.environ["NODE_RANK"])
      attempt = int(os.environ["LOCKSTEP_ATTEMPT"])

      def note(text):
          notes = os.open("notes", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
          os.write(notes, f"{text}\\n".encode())
          os.close(notes)

      """;

  private final Path dir;
  private final String name;
  private final List<String> lines = new ArrayList<>();
  private String script = "train.py";

  /** Writes the script; its working folder is the job's own, below this one. */
  PlainJob(Path dir, String name, String python) {
    this.dir = dir.resolve(name);
    this.name = name;
    write(this.dir.resolve(script), PRELUDE + python);
  }

  /** One more line of the job file. */
  PlainJob with(String line) {
    lines.add(line);
    return this;
  }

  PlainJob on(String... nodes) {
    return with("nodes: [%s]".formatted(String.join(", ", nodes)));
  }

  /** Another script than the one written, or the same by another name. */
  PlainJob script(Path path) {
    script = path.toString();
    return this;
  }

  /** A program in Python's place; it sees torchrun's command line. */
  PlainJob python(String text) {
    Path program = dir.resolve("python");
    write(program, text);
    try {
      Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return with("python: " + program);
  }

  Path dir() {
    return dir;
  }

  Path file() {
    var text = new StringBuilder();
    text.append("name: ").append(name).append('\n');
    text.append("script: ").append(script).append('\n');
    text.append("workdir: ").append(dir).append('\n');
    lines.forEach(line -> text.append(line).append('\n'));
    return write(dir.resolve("job.yaml"), text.toString());
  }

  /** What the ranks noted so far, in that order. */
  List<String> notes() {
    Path notes = dir.resolve("notes");
    try {
      return Files.exists(notes) ? Files.readAllLines(notes) : List.of();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Path write(Path file, String text) {
    try {
      Files.createDirectories(file.resolveSibling(""));
      return Files.writeString(file, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
