package io.lockstep.coordinator.rest;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.typed.ActorRef;
import akka.http.javadsl.ServerBinding;
import com.fasterxml.jackson.databind.JsonNode;
import io.lockstep.coordinator.actor.CoordinatorAnswer;
import io.lockstep.coordinator.actor.CoordinatorRequest;
import io.lockstep.protocol.api.JobView;
import io.lockstep.protocol.api.NodeView;
import io.lockstep.protocol.message.AgentQuery;
import io.lockstep.protocol.message.ToAgent;
import io.lockstep.protocol.message.WireJson;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.PairOutcome;
import io.lockstep.protocol.model.PairOutcome.End;
import io.lockstep.protocol.model.PairReading;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A pair check over a real socket, with nodes that answer as a test says. */
class PairRoutesTest {
  private static final PairOutcome WELL =
      PairOutcome.measured(
          new PairReading("cpu", Duration.ofMillis(3), Duration.ofMillis(20), 4 << 20));

  private static ActorTestKit kit;
  private static FakeCoordinator coordinator;
  private static ServerBinding server;

  private final Map<ActorRef<ToAgent>, String> names = new HashMap<>();
  private final List<CoordinatorAnswer.NodePlace> places = new ArrayList<>();
  private final List<NodeView> views = new ArrayList<>();

  @BeforeAll
  static void start() throws Exception {
    kit = ActorTestKit.create();
    coordinator = new FakeCoordinator(kit.system());
    server =
        RestServer.bind(kit.system(), "127.0.0.1", 0, coordinator)
            .toCompletableFuture()
            .get(30, TimeUnit.SECONDS);
  }

  @AfterAll
  static void stop() {
    kit.shutdownTestKit();
  }

  @BeforeEach
  void answerOfTheNodes() {
    coordinator.answers =
        request ->
            request instanceof CoordinatorRequest.ListNodes
                ? new CoordinatorAnswer.Nodes(views)
                : new CoordinatorAnswer.NodePlaces(places);
    coordinator.agents = (agent, query) -> answer(name(agent), query, Map.of());
  }

  @Test
  void healthyNodesMeetOnceAndTheCheckIsHealthy() throws Exception {
    nodes("n0", "n1", "n2", "n3");

    JsonNode view = pairs();

    assertThat(view.path("healthy").asBoolean()).isTrue();
    assertThat(view.path("groups")).hasSize(2);
    assertThat(view.at("/groups/0/nodes").toString()).isEqualTo("[\"n0\",\"n1\"]");
    assertThat(view.at("/groups/0/result").asText()).isEqualTo("PASSED");
    assertThat(view.at("/groups/0/gatherSeconds").asDouble()).isEqualTo(0.02);
    assertThat(view.at("/groups/0/problem").isMissingNode()).isTrue();
    assertThat(sentence(view, "n2")).startsWith("is well with n3: 20.0 ms");
  }

  @Test
  void aBadNodeMeetsAGoodOneInTheSecondRoundAndIsNamed() throws Exception {
    nodes("n0", "n1", "n2", "n3");
    coordinator.agents =
        (agent, query) ->
            answer(
                name(agent),
                query,
                Map.of("n1", PairOutcome.failed(End.FAILED_TOGETHER, "connection reset")));

    JsonNode view = pairs();

    assertThat(view.path("healthy").asBoolean()).isFalse();
    assertThat(view.path("groups")).hasSizeGreaterThan(2);
    assertThat(sentence(view, "n1")).contains("connection reset", "well with others");
    assertThat(sentence(view, "n2")).startsWith("is well with");
  }

  @Test
  void aNodeWithAJobAndOneThatIsNotHeardOfAreLeftOut() throws Exception {
    nodes("n0", "n1");
    add("busy", Optional.of("gpt-1"), true);
    add("gone", Optional.empty(), false);

    JsonNode view = pairs();

    assertThat(view.path("groups")).hasSize(1);
    assertThat(sentence(view, "busy")).isEqualTo("not tried: job gpt-1 is on this node");
    assertThat(sentence(view, "gone")).isEqualTo("the node is not heard of");
  }

  @Test
  void aNodeThatDoesNotAnswerIsNamedAndItsPartnerIsNot() throws Exception {
    nodes("n0", "n1", "n2");
    coordinator.agents =
        (agent, query) -> {
          if (name(agent).equals("n0")) {
            throw FakeCoordinator.failing(new TimeoutException());
          }
          return answer(name(agent), query, Map.of());
        };

    JsonNode view = pairs();

    assertThat(sentence(view, "n0")).startsWith("no answer within 5 s; look whether lockstepd");
    assertThat(sentence(view, "n1")).startsWith("is well with n2");
    assertThat(sentence(view, "n2")).startsWith("is well with n1");
  }

  @Test
  void whileOneIsBeingPreparedAnotherIsRefused() throws Exception {
    nodes("n0", "n1");
    var isAsked = new CountDownLatch(1);
    var mayAnswer = new CountDownLatch(1);
    Function<CoordinatorRequest, CoordinatorAnswer> answers = coordinator.answers;
    coordinator.answers =
        request -> {
          isAsked.countDown();
          awaited(mayAnswer);
          return answers.apply(request);
        };
    CompletableFuture<HttpResponse<String>> first = ask();
    awaited(isAsked);

    HttpResponse<String> second = ask().get(20, TimeUnit.SECONDS);

    mayAnswer.countDown();
    assertThat(second.statusCode()).isEqualTo(503);
    assertThat(second.body()).contains("OVERLOADED", "a pair check is at work here");
    assertThat(first.get(20, TimeUnit.SECONDS).statusCode()).isEqualTo(200);
    assertThat(pairs().path("healthy").asBoolean()).isTrue();
  }

  @Test
  void whatFailsBeforeItBeginsIsInNobodysWay() throws Exception {
    nodes("n0", "n1");
    Function<CoordinatorRequest, CoordinatorAnswer> answers = coordinator.answers;
    coordinator.answers =
        request -> {
          throw FakeCoordinator.failing(new TimeoutException());
        };
    assertThat(ask().get(20, TimeUnit.SECONDS).statusCode()).isEqualTo(503);

    coordinator.answers = answers;
    assertThat(pairs().path("healthy").asBoolean()).isTrue();
  }

  private static void awaited(CountDownLatch latch) {
    try {
      assertThat(latch.await(20, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Whoever is not said to end otherwise is well. */
  private Object answer(String node, AgentQuery query, Map<String, PairOutcome> ends) {
    if (query instanceof AgentQuery.OfferPort) {
      return new AgentQuery.OfferedPort(new NodeId(node), Optional.of(29_512));
    }
    return new AgentQuery.Paired(new NodeId(node), ends.getOrDefault(node, WELL));
  }

  private void nodes(String... all) {
    for (String node : all) {
      add(node, Optional.empty(), true);
    }
  }

  private void add(String node, Optional<String> job, boolean isHeard) {
    ActorRef<ToAgent> agent = kit.<ToAgent>createTestProbe().ref();
    names.put(agent, node);
    places.add(
        new CoordinatorAnswer.NodePlace(
            new NodeId(node), "10.0.0.1", isHeard ? Optional.of(agent) : Optional.empty()));
    views.add(
        new NodeView(
            node,
            "10.0.0.1",
            "READY",
            false,
            false,
            0,
            List.of(),
            job,
            Optional.empty(),
            new JobView.ReasonView("NODE_READY", ""),
            List.of(),
            Optional.empty()));
  }

  private String name(ActorRef<ToAgent> agent) {
    return names.getOrDefault(agent, "");
  }

  private static String sentence(JsonNode view, String node) {
    for (JsonNode each : view.path("nodes")) {
      if (each.path("node").asText().equals(node)) {
        return each.at("/findings/0/found").asText();
      }
    }
    return "";
  }

  private static CompletableFuture<HttpResponse<String>> ask() {
    URI uri =
        URI.create("http://127.0.0.1:" + server.localAddress().getPort() + "/v1/doctor/pairs");
    return HttpClient.newHttpClient()
        .sendAsync(
            HttpRequest.newBuilder(uri).POST(HttpRequest.BodyPublishers.noBody()).build(),
            HttpResponse.BodyHandlers.ofString());
  }

  private static JsonNode pairs() throws Exception {
    HttpResponse<String> response = ask().get(20, TimeUnit.SECONDS);
    assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    return WireJson.json().readTree(response.body());
  }
}
