package io.lockstep.agent.host;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lockstep.protocol.message.WireJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * The list that the helper {@code lockstep.hf} leaves in a checkpoint after every rank has saved:
 * with it a checkpoint is complete exactly when every file has the size written there.
 */
final class Manifest {
  static final String FILE = "lockstep-manifest.json";

  /** About 100,000 files. */
  private static final long MAX_BYTES = 16L << 20;

  private static final ObjectMapper JSON = WireJson.json();

  private Manifest() {}

  /** Nothing to check where there is none: the script may do without the helper. */
  static void check(Path checkpoint, FileChecks files) throws IOException, IncompleteException {
    Path file = checkpoint.resolve(FILE);
    JsonNode manifest;
    try {
      if (Files.size(file) > MAX_BYTES) {
        throw new IncompleteException(FILE + " is larger than " + MAX_BYTES + " bytes");
      }
      manifest = JSON.readTree(Files.readAllBytes(file));
    } catch (NoSuchFileException e) {
      return;
    } catch (JsonProcessingException e) {
      throw new IncompleteException(FILE + " is broken: " + e.getOriginalMessage());
    }
    JsonNode listed = manifest.path("files");
    if (!listed.isArray() || listed.isEmpty()) {
      throw new IncompleteException(FILE + " names no file");
    }
    for (JsonNode one : listed) {
      Path named = checkpoint.resolve(one.path("name").asText()).normalize();
      if (!named.startsWith(checkpoint) || !one.path("size").canConvertToLong()) {
        throw new IncompleteException(FILE + " is broken: it lists " + one);
      }
      files.requireSize(named, one.path("size").asLong());
    }
  }
}
