package io.lockstep.coordinator.cli;

import io.lockstep.coordinator.jobfile.JobDocument;
import io.lockstep.coordinator.jobfile.JobFile;
import io.lockstep.coordinator.jobfile.ZeroJson;
import io.lockstep.protocol.model.ReasonedException;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Makes a job file whole for a server that reads no files: paths absolute, ZeRO file inline. The
 * workdir and the ZeRO file are taken from the job file's folder, all other paths from the workdir,
 * where the script would look for them.
 */
final class JobFileResolver {
  private final Path folder;
  private final String home;

  /**
   * @param folder the job file's folder, which is also the workdir unless the file says another
   * @param home the user's home, for a path that begins with ~/
   */
  JobFileResolver(Path folder, String home) {
    this.folder = folder.toAbsolutePath();
    this.home = home;
  }

  JobDocument resolve(JobDocument document) {
    JobDocument resolved = document;
    if (!document.has("workdir")) {
      resolved = resolved.with("workdir", folder.normalize().toString());
    }
    resolved = absolute(resolved, "workdir", folder);
    Path workdir = resolved.text("workdir").flatMap(JobFileResolver::path).orElse(folder);
    if (resolved.text("entry").filter("module"::equals).isEmpty()) {
      resolved = absolute(resolved, "script", workdir);
    }
    for (String key : JobFile.PATH_KEYS) {
      resolved = absolute(resolved, key, workdir);
    }
    if (resolved.text("python").filter(python -> python.contains("/")).isPresent()) {
      resolved = absolute(resolved, "python", workdir);
    }
    return withZeroInline(resolved);
  }

  private JobDocument absolute(JobDocument document, String key, Path base) {
    Optional<String> text = document.text(key);
    if (text.isEmpty() || text.get().isBlank()) {
      return document; // the job file's reader says what is wrong
    }
    String spelled = text.get();
    String expanded = spelled.startsWith("~/") ? home + spelled.substring(1) : spelled;
    return path(expanded)
        .map(path -> document.with(key, base.resolve(path).normalize().toString()))
        .orElse(document);
  }

  private JobDocument withZeroInline(JobDocument document) {
    Optional<String> zero = document.text("zero");
    if (zero.isEmpty() || zero.get().matches("-?\\d+") || zero.get().isBlank()) {
      return document; // none, a stage, or inline already
    }
    Optional<Path> file = path(absolute(document, "zero", folder).text("zero").orElse(""));
    if (file.isEmpty()) {
      return document;
    }
    try {
      if (Files.size(file.get()) > ZeroJson.MAX_CHARS * 4L) {
        return document.refused("zero", "names " + file.get() + ", which is too large");
      }
      return document.withObject("zero", ZeroJson.read(Files.readString(file.get())));
    } catch (ReasonedException e) {
      return document.refused("zero", "names " + file.get() + ", which is " + e.reason().message());
    } catch (NoSuchFileException e) {
      return document.refused(
          "zero", "must be 1, 2, 3 or a DeepSpeed JSON file; there is no file " + file.get());
    } catch (MalformedInputException e) {
      return document.refused("zero", "names " + file.get() + ", which is not UTF-8 text");
    } catch (IOException e) {
      return document.refused("zero", "names " + file.get() + ", which cannot be read: " + e);
    }
  }

  private static Optional<Path> path(String text) {
    try {
      return Optional.of(Path.of(text));
    } catch (InvalidPathException e) {
      return Optional.empty();
    }
  }
}
