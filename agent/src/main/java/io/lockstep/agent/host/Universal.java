package io.lockstep.agent.host;

import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.UniversalCheckpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * Tells whether DeepSpeed's {@code ds_to_universal} converted a checkpoint to its end, so that any
 * number of ranks can load it: it writes {@code latest_universal} last.
 */
final class Universal {
  private static final String SUFFIX = "_model_states.pt";

  private Universal() {}

  /** True when the conversion of this checkpoint is there and looks whole. */
  static boolean isThere(Path checkpoint, CheckpointFormat format, long step, FileChecks files)
      throws IOException {
    Path folder = Path.of(UniversalCheckpoint.folder(checkpoint.toString(), format, step));
    Path mark = folder.resolveSibling(UniversalCheckpoint.LATEST);
    try {
      if (!Files.readString(mark).strip().equals(String.valueOf(folder.getFileName()))) {
        return false; // the one of another step
      }
      List<Path> models;
      try (Stream<Path> list = Files.list(folder)) {
        models = list.filter(p -> p.getFileName().toString().endsWith(SUFFIX)).toList();
      }
      for (Path model : models) {
        files.requireZip(model);
      }
      files.requireZip(folder.resolve("zero").resolve("optimizer_state.pt"));
      return !models.isEmpty();
    } catch (NoSuchFileException | IncompleteException e) {
      return false;
    }
  }
}
