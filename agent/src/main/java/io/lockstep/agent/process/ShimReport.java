package io.lockstep.agent.process;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lockstep.protocol.message.WireJson;
import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.Progress;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import io.lockstep.protocol.model.StartLengths;
import io.lockstep.protocol.model.WorkerInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Translates what the shim writes into the values that the coordinator knows. */
final class ShimReport {
  private static final ObjectMapper JSON = WireJson.json();
  private static final int MAX_TEXT_CHARACTERS = 16_384;
  private static final int MAX_TAIL_LINES = 40;
  private static final int MAX_HOST_SIGNS = 8;

  private ShimReport() {}

  /** The final report on disk; empty when there is none that can be read. */
  static Optional<JsonNode> read(GroupFolder folder) {
    try {
      JsonNode json = JSON.readTree(Files.readAllBytes(folder.report()));
      return json.path("outcome").isTextual() ? Optional.of(json) : Optional.empty();
    } catch (IOException e) {
      return Optional.empty(); // not there yet
    }
  }

  static ExitReport toExit(JsonNode json, boolean treeGone) {
    return new ExitReport(
        switch (json.path("outcome").asText().toLowerCase(Locale.ROOT)) {
          case "succeeded" -> ExitReport.Outcome.SUCCEEDED;
          case "stopped" -> ExitReport.Outcome.STOPPED;
          default -> ExitReport.Outcome.FAILED;
        },
        number(json, "exitCode"),
        number(json, "signal"),
        present(json, "firstFailure").map(ShimReport::failure),
        treeGone,
        json.path("portTaken").asBoolean(false),
        present(json, "message").map(text -> new Reason(code(json), bounded(text.asText()))),
        tail(json.path("tail")),
        instant(json.path("endedAt")).orElse(Instant.EPOCH),
        hostSigns(json.path("hostSigns")),
        progress(json).map(Progress::step));
  }

  private static Optional<List<String>> hostSigns(JsonNode lines) {
    var signs = new ArrayList<String>();
    lines.forEach(line -> signs.add(bounded(line.asText())));
    return signs.isEmpty()
        ? Optional.empty()
        : Optional.of(signs.subList(0, Math.min(signs.size(), MAX_HOST_SIGNS)));
  }

  private static ReasonCode code(JsonNode json) {
    return json.path("leaseLost").asBoolean(false)
        ? ReasonCode.LEASE_LOST
        : ReasonCode.WORKERS_FAILED;
  }

  /** Processes that the shim could not end and that are still there. */
  static List<String> leftovers(JsonNode json) {
    var left = new ArrayList<String>();
    for (JsonNode one : json.path("leftovers")) {
      long pid = one.path("pid").asLong();
      String command = one.path("command").asText();
      if (pid > 0 && ProcessScan.isAlive(pid, command)) {
        left.add("pid " + pid + " (" + command + ")");
      }
    }
    return left;
  }

  static List<WorkerInfo> workers(JsonNode status) {
    var workers = new ArrayList<WorkerInfo>();
    for (JsonNode one : status.path("workers")) {
      workers.add(
          new WorkerInfo(
              one.path("rank").asInt(), one.path("localRank").asInt(), one.path("pid").asLong()));
    }
    return workers;
  }

  /** Empty before there are workers, and of an older shim. */
  static Optional<StartLengths> startLengths(JsonNode status) {
    JsonNode said = status.path("startLengths");
    return said.path("forkMillis").isNumber()
        ? Optional.of(
            new StartLengths(
                said.path("forkMillis").asLong(),
                present(said, "rendezvousMillis").map(JsonNode::asLong)))
        : Optional.empty();
  }

  static Optional<Progress> progress(JsonNode status) {
    return present(status, "progress")
        .filter(p -> p.path("step").isNumber())
        .map(
            p ->
                new Progress(
                    p.path("step").asLong(),
                    p.path("totalSteps").asLong(0),
                    real(p, "loss"),
                    real(p, "evalLoss"),
                    instant(p.path("at")).orElse(Instant.EPOCH)));
  }

  private static ExitReport.FirstFailure failure(JsonNode json) {
    return new ExitReport.FirstFailure(
        json.path("rank").asInt(),
        json.path("localRank").asInt(),
        number(json, "exitCode"),
        number(json, "signal"),
        instant(json.path("at")).orElse(Instant.EPOCH),
        present(json, "message").map(m -> bounded(m.asText())).orElse(""),
        present(json, "traceback").map(t -> bounded(t.asText())).orElse(""),
        json.path("peerLoss").asBoolean(false));
  }

  private static List<String> tail(JsonNode lines) {
    var tail = new ArrayList<String>();
    lines.forEach(line -> tail.add(bounded(line.asText())));
    return tail.subList(Math.max(0, tail.size() - MAX_TAIL_LINES), tail.size());
  }

  // The end of a traceback says what happened.
  private static String bounded(String text) {
    return text.length() <= MAX_TEXT_CHARACTERS
        ? text
        : text.substring(text.length() - MAX_TEXT_CHARACTERS);
  }

  private static Optional<JsonNode> present(JsonNode json, String field) {
    JsonNode value = json.path(field);
    return value.isMissingNode() || value.isNull() ? Optional.empty() : Optional.of(value);
  }

  private static Optional<Integer> number(JsonNode json, String field) {
    return present(json, field).filter(JsonNode::isNumber).map(JsonNode::asInt);
  }

  private static Optional<Double> real(JsonNode json, String field) {
    return present(json, field).filter(JsonNode::isNumber).map(JsonNode::asDouble);
  }

  private static Optional<Instant> instant(JsonNode seconds) {
    return seconds.isNumber()
        ? Optional.of(Instant.ofEpochMilli(Math.round(seconds.asDouble() * 1_000)))
        : Optional.empty();
  }
}
