package io.lockstep.coordinator.jobfile;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lockstep.protocol.model.CheckpointFormat;
import io.lockstep.protocol.model.OnExisting;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** docs/job.schema.json names the keys and words that the job file's reader knows. */
class JobSchemaTest {
  private final JsonNode schema = read();

  @Test
  void theKeysAreThoseOfTheReader() {
    assertThat(keys(schema)).isEqualTo(JobFile.KEYS.get(""));
    JsonNode properties = schema.path("properties");
    assertThat(keys(properties.path("paths"))).isEqualTo(JobFile.KEYS.get("paths"));
    assertThat(keys(properties.path("checkpoint"))).isEqualTo(JobFile.KEYS.get("checkpoint"));
    assertThat(keys(properties.path("restart"))).isEqualTo(JobFile.KEYS.get("restart"));
    assertThat(keys(properties.path("restart").path("properties").path("backoff")))
        .isEqualTo(JobFile.KEYS.get("backoff"));
    assertThat(keys(properties.path("deadlines"))).isEqualTo(JobFile.KEYS.get("deadlines"));
    assertThat(keys(properties.path("progress"))).isEqualTo(JobFile.KEYS.get("progress"));
    assertThat(keys(properties.path("preflight"))).isEqualTo(JobFile.KEYS.get("preflight"));
  }

  @Test
  void theWordsAreThoseOfTheReader() {
    JsonNode checkpoint = schema.path("properties").path("checkpoint").path("properties");
    assertThat(texts(checkpoint.path("format").path("enum")))
        .containsExactlyInAnyOrderElementsOf(
            Arrays.stream(CheckpointFormat.values()).map(CheckpointFormat::text).toList());
    assertThat(texts(checkpoint.path("onExisting").path("enum")))
        .containsExactlyInAnyOrderElementsOf(
            Arrays.stream(OnExisting.values()).map(OnExisting::text).toList());
  }

  private static Set<String> keys(JsonNode schema) {
    var keys = new HashSet<String>();
    schema.path("properties").fieldNames().forEachRemaining(keys::add);
    return keys;
  }

  private static Set<String> texts(JsonNode list) {
    var texts = new HashSet<String>();
    list.forEach(item -> texts.add(item.asText()));
    return texts;
  }

  private static JsonNode read() {
    try {
      return new ObjectMapper().readTree(Path.of("../docs/job.schema.json").toFile());
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
