package io.lockstep.coordinator.rest;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.http.javadsl.ServerBinding;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lockstep.coordinator.actor.CoordinatorAnswer;
import io.lockstep.coordinator.actor.CoordinatorRequest;
import io.lockstep.coordinator.actor.LastKnown;
import io.lockstep.protocol.api.ClusterView;
import io.lockstep.protocol.api.EventView;
import io.lockstep.protocol.api.JobView;
import io.lockstep.protocol.api.JobView.ReasonView;
import io.lockstep.protocol.api.LastKnownView;
import io.lockstep.protocol.api.NodeView;
import io.lockstep.protocol.api.SubmitRequest;
import io.lockstep.protocol.message.AgentQuery;
import io.lockstep.protocol.message.AgentQuery.LogChunk;
import io.lockstep.protocol.message.WireJson;
import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The routes as a client sees them, over a real socket. */
class RestServerTest {
  private static final ObjectMapper JSON = WireJson.json();
  private static final Instant NOON = Instant.parse("2026-11-24T12:00:00Z");
  private static final String JOB_FILE = "name: n\nscript: /s.py\nworkdir: /w\n";

  private static ActorTestKit kit;
  private static FakeCoordinator coordinator;
  private static ServerBinding server;
  private static HttpClient client;

  @BeforeAll
  static void start() throws Exception {
    kit = ActorTestKit.create();
    coordinator = new FakeCoordinator(kit.system());
    server =
        RestServer.bind(kit.system(), "127.0.0.1", 0, coordinator)
            .toCompletableFuture()
            .get(30, TimeUnit.SECONDS);
    client = HttpClient.newHttpClient();
  }

  @AfterAll
  static void stop() {
    kit.shutdownTestKit();
  }

  @BeforeEach
  void forget() {
    coordinator.requests.clear();
    coordinator.reads.clear();
    coordinator.lastKnown = why -> Optional.empty();
  }

  @Test
  void aJobIsSubmittedAsJson() throws Exception {
    answer(new CoordinatorAnswer.Submitted(new JobId("n-1"), true, reason(ReasonCode.QUEUED)));

    HttpResponse<String> response =
        post("/v1/jobs", "application/json", json(new SubmitRequest(JOB_FILE, Optional.of("n-1"))));

    assertThat(response.statusCode()).isEqualTo(201);
    assertThat(response.headers().firstValue("Location")).contains("/v1/jobs/n-1");
    assertThat(tree(response))
        .isEqualTo(
            JSON.readTree(
                "{\"id\":\"n-1\",\"created\":true,\"reason\":{\"code\":\"QUEUED\","
                    + "\"message\":\"why\"}}"));
    var submit = (CoordinatorRequest.Submit) coordinator.requests.get(0);
    assertThat(submit.id()).contains(new JobId("n-1"));
    assertThat(submit.spec().script()).isEqualTo("/s.py");
  }

  @Test
  void aJobIsSubmittedAsItsFileAndFoundAgain() throws Exception {
    answer(
        new CoordinatorAnswer.Submitted(
            new JobId("n-1"), false, reason(ReasonCode.ALREADY_QUEUED)));

    HttpResponse<String> response =
        post("/v1/jobs", "application/yaml; charset=utf-8", JOB_FILE + "id: n-1\n");

    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(((CoordinatorRequest.Submit) coordinator.requests.get(0)).id())
        .contains(new JobId("n-1"));
  }

  @Test
  void withoutAnIdTheCoordinatorMakesOne() throws Exception {
    answer(new CoordinatorAnswer.Submitted(new JobId("x"), true, reason(ReasonCode.QUEUED)));

    post("/v1/jobs", "application/json", "{\"jobFile\": \"{name: n, script: /s, workdir: /w}\"}");

    assertThat(((CoordinatorRequest.Submit) coordinator.requests.get(0)).id()).isEmpty();
  }

  @Test
  void everyMistakeIsToldAndNothingIsAsked() throws Exception {
    HttpResponse<String> response =
        post("/v1/jobs", "application/yaml", "name: n\nnodes: two\nscript: s.py\nworkdir: w\n");

    isProblem(response, 400, "INVALID_SPEC");
    assertThat(tree(response).path("problems"))
        .extracting(problem -> problem.path("line") + ":" + problem.path("field").asText())
        .containsExactly("2:nodes", "4:workdir");
    assertThat(coordinator.requests).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "application/json|{|400|INVALID_SPEC",
        "application/json|[]|400|INVALID_SPEC",
        "application/json|null|400|INVALID_SPEC",
        "application/json|{}|400|INVALID_SPEC",
        "application/json|{\"jobFile\":{}}|400|INVALID_SPEC",
        "application/json|{\"jobFile\":\"{name: n, script: /s, workdir: /w, id: b}\",\"id\":\"a\"}|400|INVALID_SPEC",
        "application/json|{\"jobFile\":\"{name: n, script: /s, workdir: /w}\",\"id\":\"A B\"}|400|INVALID_SPEC",
        "application/yaml|a: [|400|INVALID_SPEC",
        "application/yaml|''|400|INVALID_SPEC",
        "text/plain|name: n|415|UNSUPPORTED_MEDIA_TYPE",
        "application/x-www-form-urlencoded|name=n|415|UNSUPPORTED_MEDIA_TYPE"
      })
  void aBadSubmissionIsRefused(String type, String body, int status, String code) throws Exception {
    isProblem(post("/v1/jobs", type, body), status, code);
    assertThat(coordinator.requests).isEmpty();
  }

  @Test
  void bytesThatAreNoTextAreRefused() throws Exception {
    HttpResponse<String> response =
        send(
            request("/v1/jobs")
                .header("Content-Type", "application/yaml")
                .POST(BodyPublishers.ofByteArray(new byte[] {'a', ':', (byte) 0xFF})));

    isProblem(response, 400, "INVALID_SPEC");
  }

  @Test
  void aBodyOverOneMegabyteIsRefused() throws Exception {
    HttpResponse<String> response =
        post("/v1/jobs", "application/yaml", "#".repeat((int) RouteTable.MAX_BODY_BYTES + 1));
    isProblem(response, 413, "CONTENT_TOO_LARGE");

    BodyPublisher chunked =
        BodyPublishers.ofByteArrays(
            java.util.Collections.nCopies(17, new byte[(int) RouteTable.MAX_BODY_BYTES / 16]));
    isProblem(
        send(request("/v1/jobs").header("Content-Type", "application/yaml").POST(chunked)),
        413,
        "CONTENT_TOO_LARGE");
  }

  @Test
  void aBodyThatBreaksOffIsTheSendersFault() throws Exception {
    try (var socket =
        new java.net.Socket(
            java.net.InetAddress.getLoopbackAddress(), server.localAddress().getPort())) {
      socket
          .getOutputStream()
          .write(
              """
              POST /v1/jobs HTTP/1.1
              Host: x
              Connection: close
              Transfer-Encoding: chunked

              zz
              """
                  .replace("\n", "\r\n")
                  .getBytes(StandardCharsets.US_ASCII));
      String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(answer).startsWith("HTTP/1.1 400 ").contains("problem+json");
    }
  }

  @Test
  void holdAndDryRunAreParametersOfASubmission() throws Exception {
    answer(new CoordinatorAnswer.Submitted(new JobId("n-1"), true, reason(ReasonCode.HELD)));
    post("/v1/jobs?hold=true", "application/yaml", JOB_FILE);
    answer(new CoordinatorAnswer.Refused(reason(ReasonCode.CONFLICT)));
    isProblem(post("/v1/jobs?dryRun=true", "application/yaml", JOB_FILE), 409, "CONFLICT");
    answer(new CoordinatorAnswer.Done(reason(ReasonCode.QUEUED)));
    assertThat(post("/v1/jobs/n-1/release", "application/json", "").statusCode()).isEqualTo(200);

    assertThat(((CoordinatorRequest.Submit) coordinator.requests.get(0)).hold()).isTrue();
    assertThat(coordinator.requests.get(1)).isInstanceOf(CoordinatorRequest.DryRun.class);
    assertThat(coordinator.requests.get(2)).isInstanceOf(CoordinatorRequest.Release.class);
    isProblem(post("/v1/jobs?hold=yes", "application/yaml", JOB_FILE), 400, "INVALID_SPEC");
  }

  @Test
  void aRefusalOfTheCoordinatorIsAProblem() throws Exception {
    answer(new CoordinatorAnswer.Refused(Reason.of(ReasonCode.CONFLICT, "another spec")));

    HttpResponse<String> response = post("/v1/jobs", "application/yaml", JOB_FILE);

    isProblem(response, 409, "CONFLICT");
    assertThat(tree(response).path("detail").asText()).isEqualTo("another spec");
    assertThat(tree(response).path("type").asText()).isEqualTo("urn:lockstep:problem:conflict");
  }

  @Test
  void noCoordinatorMeansAskAgain() throws Exception {
    coordinator.answers =
        request -> {
          throw FakeCoordinator.failing(new TimeoutException("secret inner words"));
        };

    HttpResponse<String> response = get("/v1/jobs");

    isProblem(response, 503, "NO_QUORUM");
    assertThat(response.headers().firstValue("Retry-After")).contains("1");
    assertThat(response.body()).doesNotContain("secret");
  }

  @Test
  void withoutACoordinatorAReadIsWhatTheSeatLastKnewAndIsMarked() throws Exception {
    answer(new CoordinatorAnswer.Refused(Reason.of(ReasonCode.NO_QUORUM, "1 of 3 seats answers")));
    coordinator.lastKnown =
        why ->
            Optional.of(
                new LastKnown.Answer(
                    new CoordinatorAnswer.Jobs(List.of(job("RUNNING"))),
                    new LastKnownView("10.0.0.1:25520", 4, 812, Optional.of(9L), why)));

    HttpResponse<String> response = get("/v1/jobs");

    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(response.headers().firstValue(LastKnownView.HEADER).orElse(""))
        .contains("10.0.0.1:25520 last knew (version 812, 9 s ago): 1 of 3 seats answers");
    JobView[] jobs = JSON.readValue(response.body(), JobView[].class);
    assertThat(jobs).hasSize(1);
    assertThat(jobs[0].lastKnown().orElseThrow().version()).isEqualTo(812);
  }

  @Test
  void aWriteIsNeverAnsweredFromWhatASeatLastKnew() throws Exception {
    answer(new CoordinatorAnswer.Refused(Reason.of(ReasonCode.NO_QUORUM, "1 of 3 seats answers")));
    coordinator.lastKnown =
        why -> {
          throw new IllegalStateException("asked for " + why);
        };

    isProblem(post("/v1/nodes/a/drain", "text/plain", ""), 503, "NO_QUORUM");
    isProblem(get("/v1/cluster"), 503, "NO_QUORUM");
  }

  @Test
  void aRefusalThatIsTheCoordinatorsOwnIsNotWorkedAround() throws Exception {
    answer(new CoordinatorAnswer.Refused(Reason.of(ReasonCode.UNKNOWN_JOB, "no job n-1")));
    coordinator.lastKnown =
        why -> {
          throw new IllegalStateException("asked for " + why);
        };

    isProblem(get("/v1/jobs/n-1"), 404, "UNKNOWN_JOB");
  }

  @Test
  void aBugIsToldWithoutItsInsides() throws Exception {
    coordinator.answers =
        request -> {
          throw new IllegalStateException("secret inner words");
        };
    isProblem(get("/v1/jobs"), 500, "INTERNAL");

    answer(new CoordinatorAnswer.Done(reason(ReasonCode.NOTHING_TO_DO))); // not what was asked
    HttpResponse<String> response = get("/v1/jobs");
    isProblem(response, 500, "INTERNAL");
    assertThat(response.body()).doesNotContain("secret").doesNotContain("Exception");
  }

  @Test
  void jobsAreListedAndDescribed() throws Exception {
    answer(new CoordinatorAnswer.Jobs(List.of(job("RUNNING"))));
    HttpResponse<String> list = get("/v1/jobs");
    assertThat(list.statusCode()).isEqualTo(200);
    assertThat(JSON.readValue(list.body(), JobView[].class)).containsExactly(job("RUNNING"));
    assertThat(tree(list).get(0).path("submittedAt").asText()).isEqualTo("2026-11-24T12:00:00Z");

    answer(new CoordinatorAnswer.Job(job("RUNNING")));
    HttpResponse<String> one = get("/v1/jobs/n-1");
    assertThat(JSON.readValue(one.body(), JobView.class)).isEqualTo(job("RUNNING"));
  }

  @Test
  void whatIsNotThereIs404() throws Exception {
    answer(new CoordinatorAnswer.Refused(Reason.of(ReasonCode.UNKNOWN_JOB, "no job x")));
    isProblem(get("/v1/jobs/x"), 404, "UNKNOWN_JOB");
    isProblem(get("/v1/jobs/NO%20JOB"), 404, "UNKNOWN_JOB");
    isProblem(get("/v1/jobs/%2e%2e%2fetc"), 404, "UNKNOWN_JOB");
    isProblem(post("/v1/nodes/a%20b/drain", "application/json", ""), 404, "UNKNOWN_NODE");
    for (String path : List.of("/", "/v1", "/v1/jobs/", "/v1/jobs/x/", "/v1/jobz", "/v1/jobs//")) {
      isProblem(get(path), 404, "NOT_FOUND");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"DELETE", "QUERY"})
  void anotherMethodIs405WithThoseThatAre(String method) throws Exception {
    HttpResponse<String> response =
        send(request("/v1/jobs").method(method, BodyPublishers.noBody()));

    isProblem(response, 405, "METHOD_NOT_ALLOWED");
    assertThat(response.headers().firstValue("Allow").orElse("")).contains("GET").contains("POST");
  }

  @Test
  void aJobIsCanceledWithItsGrace() throws Exception {
    answer(new CoordinatorAnswer.Done(Reason.of(ReasonCode.CANCELING, "canceling")));

    HttpResponse<String> response =
        post("/v1/jobs/n-1/cancel", "application/json", "{\"graceSeconds\": 5}");
    post("/v1/jobs/n-1/cancel", "application/json", "");

    assertThat(tree(response))
        .isEqualTo(JSON.readTree("{\"code\":\"CANCELING\",\"message\":\"canceling\"}"));
    assertThat(coordinator.requests)
        .map(request -> ((CoordinatorRequest.Cancel) request).grace())
        .containsExactly(Duration.ofSeconds(5), Duration.ofSeconds(30));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"graceSeconds\": -1}",
        "{\"graceSeconds\": 99999}",
        "{\"graceSeconds\": \"x\"}",
        "5",
        "{"
      })
  void aBadGraceIsRefused(String body) throws Exception {
    isProblem(post("/v1/jobs/n-1/cancel", "application/json", body), 400, "INVALID_SPEC");
  }

  @Test
  void nodesAreListedDrainedAndResumed() throws Exception {
    var node =
        new NodeView(
            "a",
            "10.0.0.1",
            "READY",
            true,
            false,
            4,
            List.of(),
            Optional.empty(),
            Optional.empty(),
            new ReasonView("NODE_READY", "ready"),
            List.of(12L),
            Optional.empty());
    answer(new CoordinatorAnswer.Nodes(List.of(node)));
    assertThat(JSON.readValue(get("/v1/nodes").body(), NodeView[].class)).containsExactly(node);

    answer(new CoordinatorAnswer.Done(Reason.of(ReasonCode.DRAINING, "draining")));
    assertThat(post("/v1/nodes/10.0.0.1:7/drain", "text/plain", "").statusCode()).isEqualTo(200);
    assertThat(post("/v1/nodes/a/resume", "application/json", "{}").statusCode()).isEqualTo(200);
    assertThat(coordinator.requests.get(1))
        .isEqualTo(
            new CoordinatorRequest.Drain(new NodeId("10.0.0.1:7"), kit.system().ignoreRef()));
    assertThat(coordinator.requests.get(2)).isInstanceOf(CoordinatorRequest.Resume.class);
  }

  @Test
  void theClusterIsDescribed() throws Exception {
    var view = new ClusterView("0.1.0", Optional.of("a"), 3, 40, List.of("a", "b", "c"), 3, 1);
    answer(new CoordinatorAnswer.Cluster(view));

    assertThat(JSON.readValue(get("/v1/cluster").body(), ClusterView.class)).isEqualTo(view);
  }

  @Test
  void eventsAreListed() throws Exception {
    answer(new CoordinatorAnswer.Events(List.of(event(7))));

    HttpResponse<String> response = get("/v1/jobs/n-1/events?after=6&limit=5");

    assertThat(JSON.readValue(response.body(), EventView[].class)).containsExactly(event(7));
    var asked = (CoordinatorRequest.ListEvents) coordinator.requests.get(0);
    assertThat(asked.afterVersion()).isEqualTo(6);
    assertThat(asked.limit()).isEqualTo(5);
    isProblem(get("/v1/jobs/n-1/events?after=x"), 400, "INVALID_SPEC");
    isProblem(get("/v1/jobs/n-1/events?limit=0"), 400, "INVALID_SPEC");
    isProblem(get("/v1/jobs/n-1/events?limit=1001"), 400, "INVALID_SPEC");
  }

  @Test
  void eventsAreStreamedFromWhereTheClientWasToTheEndOfTheJob() throws Exception {
    var polls = new AtomicInteger();
    coordinator.answers =
        request -> {
          if (request instanceof CoordinatorRequest.ListEvents list) {
            polls.incrementAndGet();
            return new CoordinatorAnswer.Events(
                list.afterVersion() < 9 ? List.of(event(list.afterVersion() + 1)) : List.of());
          }
          return new CoordinatorAnswer.Job(job(polls.get() < 2 ? "RUNNING" : "SUCCEEDED"));
        };

    HttpResponse<String> response =
        send(
            request("/v1/jobs/n-1/events")
                .header("Accept", "text/event-stream")
                .header("Last-Event-ID", "7"));

    assertThat(response.headers().firstValue("Content-Type").orElse(""))
        .startsWith("text/event-stream");
    List<String> lines = response.body().lines().filter(line -> !line.isBlank()).toList();
    assertThat(lines).filteredOn(line -> line.startsWith("id:")).containsExactly("id:8", "id:9");
    assertThat(lines).contains("event:end");
    assertThat(JSON.readValue(lines.get(1).substring("data:".length()), EventView.class))
        .isEqualTo(event(8));
  }

  @Test
  void aQueryThatIsNoneIsRefused() throws Exception {
    try (var socket =
        new java.net.Socket(
            java.net.InetAddress.getLoopbackAddress(), server.localAddress().getPort())) {
      socket
          .getOutputStream()
          .write(
              "GET /v1/jobs/n-1/logs?rank=%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                  .getBytes(StandardCharsets.US_ASCII));
      String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(answer).startsWith("HTTP/1.1 400 ").doesNotContain("\tat ");
    }
  }

  @Test
  void streamsAreCountedUntilTheyEnd() throws Exception {

    var once = new AtomicInteger();
    coordinator.answers =
        request ->
            once.getAndIncrement() == 0
                ? new CoordinatorAnswer.Job(job("RUNNING"))
                : new CoordinatorAnswer.Refused(Reason.of(ReasonCode.NO_QUORUM, "none"));
    for (int i = 0; i <= EventRoutes.MAX_STREAMS; i++) {
      once.set(0);
      HttpResponse<String> response =
          send(request("/v1/jobs/n-1/events").header("Accept", "text/event-stream"));
      assertThat(response.statusCode()).isEqualTo(200);
    }
  }

  @Test
  void aStreamOfAnUnknownJobIs404() throws Exception {
    answer(new CoordinatorAnswer.Refused(Reason.of(ReasonCode.UNKNOWN_JOB, "no job x")));

    isProblem(
        send(request("/v1/jobs/x/events").header("Accept", "text/event-stream")),
        404,
        "UNKNOWN_JOB");
  }

  @Test
  void logsAreReadFromTheNodeThatHasThem() throws Exception {
    answer(place());
    byte[] cut = "abcé".getBytes(StandardCharsets.UTF_8);
    coordinator.logs =
        query ->
            new LogChunk(query.offset(), java.util.Arrays.copyOf(cut, 4), false, Optional.empty());

    JsonNode log = tree(get("/v1/jobs/n-1/logs?rank=3&attempt=2&offset=10"));

    assertThat(log.path("text").asText()).isEqualTo("abc");
    assertThat(log.path("nextOffset").asLong()).isEqualTo(13);
    assertThat(log.path("rank").asInt()).isEqualTo(3);
    assertThat(log.path("nodeRank").asInt()).isEqualTo(1);
    var asked = (CoordinatorRequest.LocateLog) coordinator.requests.get(0);
    assertThat(asked.attempt()).contains(new Attempt(2));
    assertThat(asked.rank()).contains(3);
    assertThat(coordinator.reads.get(0).offset()).isEqualTo(10);
  }

  @Test
  void otherFilesOfAGroupAreReadByTheirWord() throws Exception {
    answer(place());
    coordinator.logs =
        query -> new LogChunk(0, "{}".getBytes(StandardCharsets.UTF_8), true, Optional.empty());

    JsonNode file = tree(get("/v1/jobs/n-1/logs?rank=3&file=launch"));

    assertThat(file.path("text").asText()).isEqualTo("{}");
    assertThat(coordinator.reads.get(0).file()).contains(AgentQuery.GroupFile.LAUNCH);
    assertThat(get("/v1/jobs/n-1/logs?file=secrets").body())
        .contains("must be report, launch or error, found: secrets");
  }

  @Test
  void logsWaitWhereOneFollows() throws Exception {
    answer(place());
    var reads = new AtomicInteger();
    coordinator.logs =
        query ->
            new LogChunk(
                0,
                reads.incrementAndGet() < 3 ? new byte[0] : new byte[] {'x'},
                false,
                Optional.empty());

    assertThat(tree(get("/v1/jobs/n-1/logs?follow=true")).path("text").asText()).isEqualTo("x");
    assertThat(reads).hasValue(3);
    assertThat(tree(get("/v1/jobs/n-1/logs")).path("text").asText()).isEqualTo("x");
  }

  @Test
  void logsThatAreNotThereAreAProblem() throws Exception {
    answer(place());
    coordinator.logs =
        query -> new LogChunk(0, new byte[0], true, Optional.of("no output of attempt 2 here"));
    isProblem(get("/v1/jobs/n-1/logs"), 409, "NOTHING_TO_DO");

    coordinator.logs =
        query -> {
          throw FakeCoordinator.failing(new TimeoutException());
        };
    isProblem(get("/v1/jobs/n-1/logs"), 503, "NO_QUORUM");

    answer(new CoordinatorAnswer.Refused(Reason.of(ReasonCode.NOT_PLACED, "no attempt yet")));
    isProblem(get("/v1/jobs/n-1/logs"), 409, "NOT_PLACED");
    isProblem(get("/v1/jobs/n-1/logs?rank=-1"), 400, "INVALID_SPEC");
    isProblem(get("/v1/jobs/n-1/logs?attempt=0"), 400, "INVALID_SPEC");
    isProblem(get("/v1/jobs/n-1/logs?follow=maybe"), 400, "INVALID_SPEC");
    isProblem(get("/v1/jobs/n-1/logs?offset=1e3"), 400, "INVALID_SPEC");
  }

  @ParameterizedTest
  @EnumSource
  void everyReasonIsAnErrorStatus(ReasonCode code) {
    assertThat(Problems.status(code)).isIn(400, 404, 409, 500, 503);
  }

  @Test
  void aCharacterIsNeverCut() {
    byte[] text = "a€😀".getBytes(StandardCharsets.UTF_8);
    int[] whole = {0, 1, 1, 1, 4, 4, 4, 4, 8};
    for (int length = 1; length <= text.length; length++) {
      assertThat(LogText.wholeCharacters(java.util.Arrays.copyOf(text, length)))
          .as("%d bytes", length)
          .isEqualTo(whole[length]);
    }
    assertThat(LogText.wholeCharacters(new byte[] {(byte) 0xF0})).isEqualTo(1); // go on anyhow
    assertThat(LogText.wholeCharacters(new byte[0])).isZero();
  }

  private static void answer(CoordinatorAnswer answer) {
    coordinator.answers = request -> answer;
  }

  private static CoordinatorAnswer.LogPlace place() {
    return new CoordinatorAnswer.LogPlace(kit.system().ignoreRef(), new JobId("n-1"), 2, 3, 1);
  }

  private static Reason reason(ReasonCode code) {
    return Reason.of(code, "why");
  }

  private static EventView event(long version) {
    return new EventView(
        version,
        NOON,
        "AttemptPlanned",
        Optional.of("n-1"),
        Optional.of(1),
        Optional.empty(),
        new ReasonView("PREPARING", "placed"));
  }

  private static JobView job(String phase) {
    return new JobView(
        "n-1",
        "n",
        phase,
        new ReasonView("ALL_STARTED", "all started"),
        1,
        new JobView.RestartsView(0, 0, 10),
        1,
        1,
        Optional.of(2),
        List.of(new JobView.RankView(0, "a", "10.0.0.1")),
        Optional.of("10.0.0.1"),
        Optional.of(29500),
        Optional.empty(),
        Optional.empty(),
        List.of(),
        Optional.empty(),
        0,
        NOON,
        Optional.empty(),
        List.of());
  }

  private static void isProblem(HttpResponse<String> response, int status, String code)
      throws Exception {
    assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
    assertThat(response.headers().firstValue("Content-Type").orElse(""))
        .startsWith("application/problem+json");
    JsonNode problem = tree(response);
    assertThat(problem.path("status").asInt()).isEqualTo(status);
    assertThat(problem.path("code").asText()).isEqualTo(code);
    assertThat(problem.path("detail").asText()).isNotBlank();
    assertThat(response.body()).doesNotContain("\tat ");
  }

  private static HttpResponse<String> get(String path) throws Exception {
    return send(request(path));
  }

  private static HttpResponse<String> post(String path, String type, String body) throws Exception {
    return send(request(path).header("Content-Type", type).POST(BodyPublishers.ofString(body)));
  }

  private static HttpRequest.Builder request(String path) {
    int port = server.localAddress().getPort();
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
        .timeout(Duration.ofSeconds(30));
  }

  private static HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
    return client.send(request.build(), BodyHandlers.ofString());
  }

  private static JsonNode tree(HttpResponse<String> response) throws Exception {
    return JSON.readTree(response.body());
  }

  private static String json(Object value) throws Exception {
    return JSON.writeValueAsString(value);
  }
}
