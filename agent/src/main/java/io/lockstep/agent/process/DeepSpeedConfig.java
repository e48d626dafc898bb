package io.lockstep.agent.process;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.lockstep.protocol.message.WireJson;

/** A job's DeepSpeed configuration, for those who look for one thing in it. */
public final class DeepSpeedConfig {
  private DeepSpeedConfig() {}

  /** Where it is no JSON there is nothing in it: ZERO_CONFIG_INVALID says that. */
  public static JsonNode read(String json) {
    try {
      return WireJson.json().readTree(json);
    } catch (JsonProcessingException e) {
      return WireJson.json().missingNode();
    }
  }
}
