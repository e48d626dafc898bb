package io.lockstep.coordinator.cli;

import io.lockstep.coordinator.jobfile.ZeroJson;
import io.lockstep.coordinator.plan.Unplannable;
import io.lockstep.protocol.model.ReasonedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;

/** Reads the config.json of a model's folder. */
final class ModelFolder {
  private ModelFolder() {}

  static Map<String, Object> config(Path folder) throws Unplannable {
    Path file = folder.resolve("config.json");
    String orElse = "; say --model FOLDER or --params 32e9";
    try {
      if (Files.size(file) > ZeroJson.MAX_CHARS * 4L) {
        throw new Unplannable(file + " is too large to be a model's configuration" + orElse);
      }
      return ZeroJson.read(Files.readString(file));
    } catch (ReasonedException e) {
      throw new Unplannable(file + " is " + e.reason().message() + orElse);
    } catch (NoSuchFileException e) {
      throw new Unplannable("there is no " + file + orElse);
    } catch (IOException e) {
      throw new Unplannable(file + " cannot be read: " + e + orElse);
    }
  }
}
