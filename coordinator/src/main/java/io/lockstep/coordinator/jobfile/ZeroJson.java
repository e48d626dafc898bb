package io.lockstep.coordinator.jobfile;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import io.lockstep.protocol.model.ReasonedException;
import java.util.Map;

/** DeepSpeed's JSON, as text and as a map that keeps the user's order. */
public final class ZeroJson {
  /** Longest configuration, in characters. */
  public static final int MAX_CHARS = 262_144;

  private static final TypeReference<Map<String, Object>> MAP = new TypeReference<>() {};

  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .enable(JsonParser.Feature.ALLOW_COMMENTS) // DeepSpeed takes HJSON, whose comments are //
          .enable(SerializationFeature.INDENT_OUTPUT)
          .build();

  private ZeroJson() {}

  /** The configuration; refused with the place of the mistake when it is not a JSON object. */
  public static Map<String, Object> read(String text) throws ReasonedException {
    if (text.length() > MAX_CHARS) {
      throw refused("longer than " + MAX_CHARS + " characters");
    }
    try {
      return JSON.readValue(text, MAP);
    } catch (JsonProcessingException e) {
      var at = e.getLocation();
      String place = at == null ? "" : "line " + at.getLineNr() + ", column " + at.getColumnNr();
      throw refused(place + ": " + e.getOriginalMessage());
    }
  }

  /** The configuration as text, keys in the order of the map. */
  public static String write(Map<String, Object> config) {
    try {
      return JSON.writeValueAsString(config) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("a DeepSpeed configuration that JSON cannot hold", e);
    }
  }

  private static ReasonedException refused(String found) {
    return new ReasonedException(
        Reason.of(ReasonCode.ZERO_CONFIG_INVALID, "%s", "not a JSON object: " + found));
  }
}
