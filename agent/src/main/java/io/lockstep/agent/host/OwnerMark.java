package io.lockstep.agent.host;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lockstep.agent.process.PrivateFile;
import io.lockstep.protocol.message.WireJson;
import io.lockstep.protocol.model.CheckpointInventory;
import io.lockstep.protocol.model.JobId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.Optional;

/** The mark that says which job saves its checkpoints in a folder. */
final class OwnerMark {
  static final String FILE = ".lockstep-owner.json";
  private static final ObjectMapper JSON = WireJson.json();

  private OwnerMark() {}

  static Optional<CheckpointInventory.Owner> read(Path folder) throws IOException {
    Path file = folder.resolve(FILE);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    JsonNode json = JSON.readTree(Files.readAllBytes(file));
    return Optional.of(
        new CheckpointInventory.Owner(json.path("job").asText(), json.path("name").asText()));
  }

  /** Safe to repeat; makes the folder. */
  static void write(Path folder, JobId job, String name) throws IOException {
    Files.createDirectories(folder);
    Path file = folder.resolve(FILE);
    PrivateFile.write(file, JSON.writeValueAsBytes(Map.of("job", job.value(), "name", name)));
    // Unlike our other files it is there for others to read.
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
  }
}
