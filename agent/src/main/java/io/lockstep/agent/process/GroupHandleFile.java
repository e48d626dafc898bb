package io.lockstep.agent.process;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lockstep.protocol.message.WireJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The handle by which a restarted agent finds its shim again: boot id, pid and start time, never
 * pid alone.
 */
record GroupHandleFile(String bootId, long pid, long startTime, Path socket) {
  private static final ObjectMapper JSON = WireJson.json();

  /** Empty when there is none that can be read. */
  static Optional<GroupHandleFile> read(GroupFolder folder) {
    try {
      JsonNode json = JSON.readTree(Files.readAllBytes(folder.handle()));
      if (!json.path("pid").isIntegralNumber() || !json.path("socket").isTextual()) {
        return Optional.empty();
      }
      return Optional.of(
          new GroupHandleFile(
              json.path("bootId").asText(),
              json.path("pid").asLong(),
              json.path("startTime").asLong(),
              Path.of(json.path("socket").asText())));
    } catch (IOException e) {
      return Optional.empty(); // not there: no shim ever said who it is
    }
  }

  boolean isAlive(String currentBootId) {
    return bootId.equals(currentBootId) && ProcessScan.isAlive(pid, startTime);
  }
}
