package io.lockstep.agent.host;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.lockstep.agent.process.HeldCommand;
import io.lockstep.agent.process.LongCommand;
import io.lockstep.protocol.message.WireJson;
import io.lockstep.protocol.model.PairOutcome;
import io.lockstep.protocol.model.PairOutcome.End;
import io.lockstep.protocol.model.PairReading;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;

/** Reads what pairs.py printed; pure. */
final class PairOutput {
  private static final int MAX_SHOWN = 300;
  private static final Set<String> WITH_OTHERS = Set.of("join", "gather");

  private PairOutput() {}

  static PairOutcome outcome(HeldCommand.Result result, String python) {
    if (result.end() == LongCommand.End.UNWANTED) {
      return PairOutcome.failed(End.NOT_RUN, "a job came to this node");
    }
    JsonNode last = last(result.output());
    if (last.has("gatherSeconds")) {
      return measured(last);
    }
    String stage = last.path("stage").asText("");
    if (last.path("withoutTorch").asBoolean()) {
      return PairOutcome.withoutTorch(python + ": " + last.path("error").asText());
    }
    if (last.has("error")) {
      return PairOutcome.failed(
          last.path("portTaken").asBoolean() ? End.NOT_RUN : matterOf(stage),
          last.path("error").asText());
    }
    String how =
        result.end() == LongCommand.End.LATE
            ? "was killed as it did not end by itself"
            : "ended with code " + result.exitCode();
    return PairOutcome.failed(
        matterOf(stage),
        python
            + " "
            + how
            + (stage.isEmpty() ? " before it did anything" : " in its stage " + stage)
            + shown(result.output()));
  }

  private static End matterOf(String stage) {
    return WITH_OTHERS.contains(stage) ? End.FAILED_TOGETHER : End.FAILED_ALONE;
  }

  private static PairOutcome measured(JsonNode said) {
    try {
      return PairOutcome.measured(
          new PairReading(
              said.path("device").asText(),
              seconds(said.path("matmulSeconds")),
              seconds(said.path("gatherSeconds")),
              said.path("bytes").asLong()));
    } catch (IllegalArgumentException e) {
      return PairOutcome.failed(End.FAILED_ALONE, "what it measured cannot be: " + e.getMessage());
    }
  }

  private static Duration seconds(JsonNode number) {
    return Duration.ofNanos(Math.round(number.asDouble() * 1e9));
  }

  /** Its last line of JSON; torch and NCCL print others. */
  private static JsonNode last(String output) {
    JsonNode last = WireJson.json().createObjectNode();
    for (String line : output.split("\n", -1)) {
      last = parsed(line).orElse(last);
    }
    return last;
  }

  private static Optional<JsonNode> parsed(String line) {
    if (!line.startsWith("{\"")) {
      return Optional.empty();
    }
    try {
      return Optional.of(WireJson.json().readTree(line));
    } catch (JsonProcessingException e) {
      return Optional.empty(); // not ours
    }
  }

  private static String shown(String output) {
    String text = output.strip().replaceAll("\\s+", " ");
    return text.isEmpty() ? "" : ": " + text.substring(Math.max(0, text.length() - MAX_SHOWN));
  }
}
