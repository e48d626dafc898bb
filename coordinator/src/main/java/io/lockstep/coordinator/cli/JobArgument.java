package io.lockstep.coordinator.cli;

import io.lockstep.coordinator.jobfile.JobDocument;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The job file that a verb is given: read, edited by --set, and made whole. */
record JobArgument(String file, List<String> edits) {
  /** What a mistake's place is called. */
  static String name(String file) {
    return file.equals("-") ? "stdin" : file;
  }

  JobDocument read(Terminal terminal) throws UsageMistake {
    Optional<Path> path = file.equals("-") ? Optional.empty() : Optional.of(path(terminal));
    JobDocument document = edited(text(path, terminal));
    return document.mistakes().isEmpty() ? resolved(document, path, terminal) : document;
  }

  private static JobDocument resolved(
      JobDocument document, Optional<Path> path, Terminal terminal) {
    Path folder = path.map(Path::getParent).orElse(terminal.folder());
    return new JobFileResolver(folder, terminal.env().getOrDefault("HOME", "/")).resolve(document);
  }

  private JobDocument edited(JobDocument document) throws UsageMistake {
    if (edits.size() > JobDocument.MAX_EDITS) {
      throw new UsageMistake("--set may be given " + JobDocument.MAX_EDITS + " times");
    }
    JobDocument edited = document;
    for (String edit : edits) {
      edited = edited.edited(edit);
    }
    return edited;
  }

  private Path path(Terminal terminal) throws UsageMistake {
    try {
      return terminal.folder().resolve(file).toAbsolutePath();
    } catch (InvalidPathException e) {
      throw new UsageMistake("\"" + file + "\" is no path");
    }
  }

  private JobDocument text(Optional<Path> path, Terminal terminal) throws UsageMistake {
    try (InputStream in = path.isEmpty() ? terminal.in() : Files.newInputStream(path.get())) {
      byte[] bytes = in.readNBytes(JobDocument.MAX_BYTES + 1);
      return JobDocument.read(
          StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString());
    } catch (NoSuchFileException e) {
      throw new UsageMistake("there is no file " + file + "; examples lie in examples/*.yaml");
    } catch (CharacterCodingException e) {
      throw new UsageMistake(file + " is not UTF-8 text");
    } catch (IOException e) {
      throw new UsageMistake(file + " cannot be read: " + e.getMessage());
    }
  }
}
