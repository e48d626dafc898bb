package io.lockstep.protocol.api;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.lockstep.protocol.Golden;
import io.lockstep.protocol.api.JobView.AttemptView;
import io.lockstep.protocol.api.JobView.CauseView;
import io.lockstep.protocol.api.JobView.CheckpointView;
import io.lockstep.protocol.api.JobView.ProgressView;
import io.lockstep.protocol.api.JobView.RankView;
import io.lockstep.protocol.api.JobView.ReasonView;
import io.lockstep.protocol.api.JobView.RestartsView;
import io.lockstep.protocol.message.WireJson;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The JSON that programs rely on: what the contract calls Fixed may only be added to. */
final class ApiJsonTest {
  private static final ObjectMapper json = WireJson.json();
  private static final ObjectWriter pretty = json.writer(SerializationFeature.INDENT_OUTPUT);
  private static final Instant NOON = Instant.parse("2026-11-24T12:00:00.123Z");
  private static final ReasonView REASON = new ReasonView("ALL_STARTED", "all 2 nodes started");
  private static final List<RankView> TABLE =
      List.of(new RankView(0, "gpu-01", "10.0.0.1"), new RankView(1, "gpu-02", "10.0.0.2"));

  private static final JobView JOB =
      new JobView(
          "qwen3-4f2a",
          "qwen3",
          "RUNNING",
          REASON,
          2,
          new RestartsView(1, 0, 10),
          2,
          4,
          Optional.of(2),
          TABLE,
          Optional.of("10.0.0.1"),
          Optional.of(29_512),
          Optional.of(new CheckpointView("/out/checkpoint-30", 30, 8)),
          Optional.of(new ProgressView(35, 79, Optional.of(2.25), Optional.of(2.5))),
          List.of(
              new AttemptView(
                  1,
                  NOON,
                  Optional.of(NOON.plusSeconds(9)),
                  Optional.of(NOON.plusSeconds(60)),
                  Optional.of(
                      new CauseView(
                          "WORKER_FAILED", Optional.of("gpu-02"), Optional.of(5), "ValueError")),
                  Optional.of(10L),
                  Optional.of(NOON.plusSeconds(12)),
                  TABLE,
                  Optional.of("Traceback"))),
          Optional.of(3),
          1,
          NOON,
          Optional.of(NOON.plusSeconds(600)),
          List.of("gpu-03"));

  private static final NodeView NODE =
      new NodeView(
              "gpu-01",
              "10.0.0.1",
              "READY",
              true,
              false,
              4,
              List.of(new NodeView.GpuView(0, "GPU-1a2b", "H100", 85_899_345_920L)),
              Optional.of("qwen3-4f2a"),
              Optional.of(0),
              REASON,
              List.of(4_211L),
              Optional.of(1))
          .withWarmPool(
              Optional.of(
                  new NodeView.WarmPoolView(
                      "qwen3-4f2a", "READY", false, Optional.of(680_000_000L), Optional.empty())));

  static Stream<Record> records() {
    return Stream.of(
        JOB,
        NODE,
        new EventView(
            41,
            NOON,
            "AttemptFailed",
            Optional.of("qwen3-4f2a"),
            Optional.of(1),
            Optional.of("gpu-02"),
            REASON),
        new ClusterView("0.1.0", Optional.of("gpu-01"), 7, 41, List.of("10.0.0.1:25520"), 3, 1),
        new LogView(5, 1, 2, 4_096, 4_104, true, "step 35\n"),
        new Problem(
            "about:blank",
            "Bad Request",
            400,
            "the job file has 1 mistake",
            "INVALID_SPEC",
            List.of(new Problem.Mistake(3, 8, "nodes", "must be 1 or more"))),
        new SubmitRequest("name: qwen3\n", Optional.of("qwen3-4f2a")),
        new SubmitResponse("qwen3-4f2a", true, REASON),
        new CancelRequest(Optional.of(30L), Optional.of(true)),
        new MessageResponse("CANCELING", "qwen3-4f2a is being canceled"));
  }

  @ParameterizedTest
  @MethodSource("records")
  void aRecordIsWrittenAsItWasAndReadBack(Record value) throws JsonProcessingException {
    String text = pretty.writeValueAsString(value) + "\n";

    String golden = Golden.text("api/" + value.getClass().getSimpleName() + ".json", text);

    assertThat(text).isEqualTo(golden);
    assertThat(json.readValue(golden, value.getClass())).isEqualTo(value);
  }

  @ParameterizedTest
  @MethodSource("records")
  void aFieldThatANewerServerAddedIsIgnored(Record value) throws JsonProcessingException {
    ObjectNode tree = json.valueToTree(value);
    tree.putObject("addedLater").put("a", 1);

    assertThat(json.treeToValue(tree, value.getClass())).isEqualTo(value);
  }

  @Test
  void aJobHasAtLeastTheFieldsOfTheContract() {
    assertThat(paths(json.valueToTree(JOB)))
        .contains(
            "id",
            "name",
            "phase",
            "reason.code",
            "reason.message",
            "attempt",
            "restarts.counted",
            "restarts.uncounted",
            "restarts.budget",
            "nodes",
            "procsPerNode",
            "zeroStage",
            "rankTable.nodeRank",
            "rankTable.node",
            "rankTable.address",
            "masterAddress",
            "masterPort",
            "lastCheckpoint.path",
            "lastCheckpoint.step",
            "lastCheckpoint.worldSize",
            "progress.step",
            "progress.totalSteps",
            "attempts.attempt",
            "attempts.startedAt",
            "attempts.endedAt",
            "attempts.cause.code",
            "attempts.cause.node",
            "attempts.cause.rank",
            "attempts.cause.message",
            "attempts.resumedFromStep");
  }

  @Test
  void aNodeHasAtLeastTheFieldsOfTheContract() {
    JsonNode node = json.valueToTree(NODE);

    assertThat(node.fieldNames())
        .toIterable()
        .contains(
            "node",
            "address",
            "health",
            "seat",
            "coordinator",
            "procs",
            "gpus",
            "job",
            "nodeRank",
            "reason");
    assertThat(node.path("gpus").isArray()).isTrue();
  }

  @Test
  void aProblemHasTheMembersOfRfc9457AndOurCode() {
    JsonNode problem =
        json.valueToTree(
            new Problem("about:blank", "Not Found", 404, "x", "UNKNOWN_JOB", List.of()));

    assertThat(problem.fieldNames())
        .toIterable()
        .contains("type", "title", "status", "detail", "code");
    assertThat(problem.path("status").isInt()).isTrue();
  }

  @Test
  void aFieldOfTheContractIsThereEvenWhenItHasNothingToSay() {
    var queued =
        new JobView(
            "a",
            "a",
            "QUEUED",
            REASON,
            0,
            new RestartsView(0, 0, 10),
            1,
            0,
            Optional.empty(),
            List.of(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            List.of(),
            Optional.empty(),
            0,
            NOON,
            Optional.empty(),
            List.of());

    JsonNode tree = json.valueToTree(queued);

    assertThat(tree.path("masterPort").isNull()).isTrue();
    assertThat(tree.path("lastCheckpoint").isNull()).isTrue();
    assertThat(tree.path("attempts").isArray()).isTrue();
  }

  @Test
  void aSubmitNeedsNoIdAndACancelNoGrace() throws JsonProcessingException {
    assertThat(json.readValue("{\"jobFile\":\"x\"}", SubmitRequest.class).id()).isEmpty();
    assertThat(json.readValue("{}", CancelRequest.class).graceSeconds()).isEmpty();
  }

  /** Every field, as the contract writes it: elements of a list count as the list's own. */
  private static List<String> paths(JsonNode tree) {
    var found = new ArrayList<String>();
    for (var field : tree.properties()) {
      JsonNode value = field.getValue();
      JsonNode inner = value.isArray() && !value.isEmpty() ? value.get(0) : value;
      found.add(field.getKey());
      paths(inner).forEach(path -> found.add(field.getKey() + "." + path));
    }
    return found;
  }
}
