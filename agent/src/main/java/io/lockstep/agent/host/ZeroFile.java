package io.lockstep.agent.host;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.lockstep.agent.process.PrivateFile;
import io.lockstep.protocol.message.WireJson;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Pattern;

/** Writes the attempt's DeepSpeed configuration and confirms what was written. */
final class ZeroFile {
  private static final ObjectMapper JSON = WireJson.json();
  private static final Pattern FILLS_AUTO = Pattern.compile("\\b(transformers|accelerate)\\b");

  private ZeroFile() {}

  /**
   * What this node can see to be wrong with it.
   *
   * @param scriptText empty when there is no one file to look into
   */
  static Optional<Reason> problem(String json, Optional<String> scriptText, String scriptName) {
    JsonNode config;
    try {
      config = JSON.readTree(json);
    } catch (JsonProcessingException e) {
      return Optional.of(
          Reason.of(
              ReasonCode.ZERO_CONFIG_INVALID,
              "the ZeRO configuration is not JSON: %s",
              e.getOriginalMessage()));
    }
    if (!config.isObject()) {
      return Optional.of(
          Reason.of(ReasonCode.ZERO_CONFIG_INVALID, "the ZeRO configuration is not an object"));
    }
    boolean isFilledIn = scriptText.filter(t -> !FILLS_AUTO.matcher(t).find()).isEmpty();
    if (hasAuto(config) && !isFilledIn) {
      return Optional.of(
          Reason.of(
              ReasonCode.ZERO_AUTO_WITHOUT_HF,
              "the ZeRO configuration says \"auto\", which only transformers or accelerate fill"
                  + " in, and %s mentions neither; write numbers instead",
              scriptName));
    }
    return Optional.empty();
  }

  /** The same configuration, for a checkpoint that another number of ranks wrote. */
  static String loadingUniversal(String json) throws IOException {
    JsonNode config = JSON.readTree(json);
    if (!(config instanceof ObjectNode object)) {
      throw new IOException("the ZeRO configuration is not an object");
    }
    JsonNode checkpoint = object.path("checkpoint");
    ObjectNode changed =
        checkpoint instanceof ObjectNode there ? there : object.putObject("checkpoint");
    changed.put("load_universal", true);
    return JSON.writeValueAsString(object);
  }

  /** Returns the hash of what now is on disk, which is what was sent; blocks. */
  static String write(Path file, String json) throws IOException {
    byte[] sent = json.getBytes(StandardCharsets.UTF_8);
    PrivateFile.write(file, sent);
    String found = Hashes.sha256(Files.readAllBytes(file));
    if (!found.equals(Hashes.sha256(sent))) {
      throw new IOException(file + " does not hold what was written to it");
    }
    return found;
  }

  private static boolean hasAuto(JsonNode node) {
    if (node.isTextual()) {
      return node.asText().equals("auto");
    }
    for (JsonNode child : node) {
      if (hasAuto(child)) {
        return true;
      }
    }
    return false;
  }
}
