package io.lockstep.coordinator.rest;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.typed.ActorRef;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.lockstep.coordinator.actor.Coordinator;
import io.lockstep.coordinator.actor.CoordinatorAnswer;
import io.lockstep.coordinator.actor.CoordinatorRequest;
import io.lockstep.coordinator.actor.LastKnown;
import io.lockstep.protocol.api.CancelRequest;
import io.lockstep.protocol.api.ClusterView;
import io.lockstep.protocol.api.DoctorView;
import io.lockstep.protocol.api.DryRunView;
import io.lockstep.protocol.api.EventView;
import io.lockstep.protocol.api.JobView;
import io.lockstep.protocol.api.LastKnownView;
import io.lockstep.protocol.api.LogView;
import io.lockstep.protocol.api.MessageResponse;
import io.lockstep.protocol.api.NodeView;
import io.lockstep.protocol.api.PairsView;
import io.lockstep.protocol.api.Problem;
import io.lockstep.protocol.api.SubmitRequest;
import io.lockstep.protocol.api.SubmitResponse;
import io.lockstep.protocol.message.AgentQuery;
import io.lockstep.protocol.message.ToAgent;
import io.lockstep.protocol.message.WireJson;
import java.lang.reflect.RecordComponent;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** docs/openapi.yaml is true to the routes and the records, both ways. */
class OpenApiTest {
  private static final Coordinator UNASKED =
      new Coordinator() {
        @Override
        public CompletionStage<CoordinatorAnswer> ask(
            Function<ActorRef<CoordinatorAnswer>, CoordinatorRequest> request) {
          throw new UnsupportedOperationException();
        }

        @Override
        public Optional<LastKnown.Answer> lastKnown(
            Function<ActorRef<CoordinatorAnswer>, CoordinatorRequest> request, String why) {
          throw new UnsupportedOperationException();
        }

        @Override
        public CompletionStage<AgentQuery.LogChunk> readLog(
            ActorRef<ToAgent> agent,
            Function<ActorRef<AgentQuery.LogChunk>, AgentQuery.ReadLog> query) {
          throw new UnsupportedOperationException();
        }

        @Override
        public <A> CompletionStage<A> askAgent(
            ActorRef<ToAgent> agent,
            Function<ActorRef<A>, AgentQuery> query,
            java.time.Duration limit) {
          throw new UnsupportedOperationException();
        }
      };

  private final JsonNode document;

  OpenApiTest() throws Exception {
    document = new YAMLMapper().readTree(Path.of("../docs/openapi.yaml").toFile());
  }

  @Test
  void pathsAndMethodsAreTheRoutes() {
    var written = new TreeSet<String>();
    for (var path : document.path("paths").properties()) {
      for (var method : path.getValue().properties()) {
        written.add(method.getKey().toUpperCase(java.util.Locale.ROOT) + " " + path.getKey());
      }
    }
    var served = new TreeSet<String>();
    var replies = new Replies(WireJson.json());
    RestServer.endpoints(UNASKED, replies)
        .forEach(endpoint -> served.add(endpoint.method().value() + " " + endpoint.template()));

    assertThat(written).isEqualTo(served);
  }

  @Test
  void fieldsAreThoseOfTheRecords() {
    for (Class<?> type :
        List.of(
            JobView.class,
            LastKnownView.class,
            JobView.AttemptView.class,
            JobView.DiagnosisView.class,
            JobView.AftermathView.class,
            JobView.FollowedView.class,
            JobView.RankView.class,
            JobView.WaitView.class,
            DryRunView.class,
            DryRunView.LaunchView.class,
            JobView.ReasonView.class,
            EventView.class,
            DoctorView.class,
            DoctorView.PatientView.class,
            DoctorView.FindingView.class,
            PairsView.class,
            PairsView.GroupView.class,
            NodeView.class,
            LogView.class,
            ClusterView.class,
            MessageResponse.class,
            SubmitRequest.class,
            SubmitResponse.class,
            CancelRequest.class,
            Problem.class,
            Problem.Mistake.class)) {
      var written = new TreeSet<String>();
      document
          .path("components")
          .path("schemas")
          .path(type.getSimpleName())
          .path("properties")
          .fieldNames()
          .forEachRemaining(written::add);
      assertThat(written)
          .as(type.getSimpleName())
          .containsExactlyInAnyOrderElementsOf(
              Arrays.stream(type.getRecordComponents()).map(RecordComponent::getName).toList());
    }
  }

  @Test
  void everyReferenceLeadsSomewhere() {
    document
        .findValues("$ref")
        .forEach(
            reference ->
                assertThat(document.at(reference.asText().substring(1)).isMissingNode())
                    .as(reference.asText())
                    .isFalse());
  }
}
