package io.lockstep.protocol.message;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.lockstep.protocol.Samples;
import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.FailureCause;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import io.lockstep.protocol.model.Term;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Identities and ordinals are written bare, times as people write them. */
final class WireJsonTest {
  private static final ObjectMapper json = WireJson.json();

  @Test
  void aFenceIsWrittenWithBareValues() throws JsonProcessingException {
    assertThat(json.writeValueAsString(Samples.FENCE))
        .isEqualTo("{\"plan\":41,\"job\":\"qwen3-pretrain-4f2a\",\"attempt\":3}");
  }

  @Test
  void timesAndDurationsAreIso8601() throws JsonProcessingException {
    var times = List.of(Instant.parse("2026-11-24T12:00:00.5Z"), Duration.ofMillis(1_500));

    assertThat(json.writeValueAsString(times))
        .isEqualTo("[\"2026-11-24T12:00:00.500Z\",\"PT1.5S\"]");
  }

  @Test
  void anEmptyOptionalIsNull() throws JsonProcessingException {
    assertThat(json.writeValueAsString(Map.of("loss", Optional.empty())))
        .isEqualTo("{\"loss\":null}");
  }

  @Test
  void idsAreKeysOfMaps() throws JsonProcessingException {
    var ports = Map.of(new NodeId("gpu-01"), Map.of(new JobId("llama"), 1));

    String text = json.writeValueAsString(ports);

    assertThat(text).isEqualTo("{\"gpu-01\":{\"llama\":1}}");
    assertThat(json.readValue(text, new TypeReference<Map<NodeId, Map<JobId, Integer>>>() {}))
        .isEqualTo(ports);
  }

  @Test
  void anIllegalKeyIsRefused() {
    assertThatThrownBy(
            () -> json.readValue("{\"a b\":1}", new TypeReference<Map<NodeId, Integer>>() {}))
        .isInstanceOf(JsonMappingException.class)
        .hasMessageContaining("node id must be");
  }

  @Test
  void theHighestOrdinalsAreRead() throws JsonProcessingException {
    assertThat(json.readValue("9223372036854775807", Term.class))
        .isEqualTo(new Term(Long.MAX_VALUE));
    assertThat(json.readValue("2147483647", Attempt.class))
        .isEqualTo(new Attempt(Integer.MAX_VALUE));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "0",
        "-1",
        "2147483648",
        "9223372036854775808",
        "1.5",
        "true",
        "\"1\"",
        "\"x\"",
        "{}",
        "[1]",
        "\"\""
      })
  void whatIsNoAttemptIsRefused(String text) {
    assertThatThrownBy(() -> json.readValue(text, Attempt.class))
        .isInstanceOf(JsonProcessingException.class);
  }

  @ParameterizedTest
  @ValueSource(strings = {"-1", "9223372036854775808", "0.5", "false", "\"x\"", "{}", "[]"})
  void whatIsNoTermIsRefusedAndNotReadAsTermZero(String text) {
    assertThatThrownBy(() -> json.readValue(text, Term.class))
        .isInstanceOf(JsonProcessingException.class);
  }

  @ParameterizedTest
  @ValueSource(strings = {"\"\"", "\"A\"", "{}", "[\"a\"]", "\"a/b\"", "1", "true"})
  void whatIsNoJobIdIsRefused(String text) {
    assertThatThrownBy(() -> json.readValue(text, JobId.class))
        .isInstanceOf(JsonProcessingException.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"plan\":1,\"job\":\"a\"}",
        "{\"plan\":1,\"job\":null,\"attempt\":1}",
        "{\"plan\":0,\"job\":\"a\",\"attempt\":1}",
        "{\"job\":\"a\",\"attempt\":1}"
      })
  void halfAFenceIsRefused(String text) {
    assertThatThrownBy(() -> json.readValue(text, Fence.class))
        .isInstanceOf(JsonProcessingException.class);
  }

  @Test
  void aCodeOfANewerReleaseReadsAsOtherAndTheMessageStays() throws Exception {
    for (ObjectMapper mapper : List.of(WireJson.cbor(), WireJson.json())) {
      ObjectNode tree =
          mapper.createObjectNode().put("code", "QUANTUM_FLUX").put("message", "the flux rose");
      byte[] newer = mapper.writeValueAsBytes(tree);

      assertThat(mapper.readValue(newer, Reason.class))
          .isEqualTo(new Reason(ReasonCode.OTHER, "the flux rose"));
      assertThat(mapper.readValue(mapper.writeValueAsBytes("FLUX_FAULT"), FailureCause.class))
          .isEqualTo(FailureCause.OTHER);
    }
  }
}
