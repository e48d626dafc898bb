package io.lockstep.coordinator.rest;

import akka.http.javadsl.model.ContentTypes;
import akka.http.javadsl.model.HttpEntities;
import akka.http.javadsl.model.HttpResponse;
import akka.stream.javadsl.Source;
import akka.util.ByteString;
import io.lockstep.coordinator.actor.Coordinator;
import io.lockstep.coordinator.actor.CoordinatorAnswer;
import io.lockstep.coordinator.actor.CoordinatorRequest;
import io.lockstep.coordinator.actor.PairRounds;
import io.lockstep.coordinator.actor.Stages;
import io.lockstep.coordinator.core.PairCheck;
import io.lockstep.coordinator.core.PairGroup;
import io.lockstep.coordinator.core.PairVerdict;
import io.lockstep.protocol.api.PairsView;
import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.PairOutcome.End;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;

/** Lets nodes meet in pairs, and says what that shows of each. */
final class PairRoutes {
  /** Sent while nodes meet, so that nobody takes the connection for dead; JSON may begin so. */
  private static final Duration HEARTBEAT = Duration.ofSeconds(10);

  private final Coordinator coordinator;
  private final Asking asking;
  private final Replies replies;
  private final OneAtATime turns = new OneAtATime(System::nanoTime);

  PairRoutes(Coordinator coordinator, Replies replies) {
    this.coordinator = coordinator;
    this.asking = new Asking(coordinator, replies);
    this.replies = replies;
  }

  List<Endpoint> endpoints() {
    return List.of(Endpoint.post("/v1/doctor/pairs", this::pairs));
  }

  private CompletionStage<HttpResponse> pairs(Call call) {
    List<NodeId> nodes = DoctorRoutes.nodes(call);
    Optional<String> python = call.query("python");
    OneAtATime.Turn turn =
        turns
            .take()
            .orElseThrow(
                () ->
                    Refusal.of(
                        new Reason(
                            ReasonCode.OVERLOADED,
                            "a pair check is at work here; wait for its end")));
    return asking
        .ask(
            CoordinatorAnswer.NodePlaces.class,
            replyTo -> new CoordinatorRequest.LocateNodes(nodes, replyTo))
        .thenCompose(
            places ->
                asking
                    .ask(CoordinatorAnswer.Nodes.class, CoordinatorRequest.ListNodes::new)
                    .thenApply(views -> PairPatients.of(places.places(), views.nodes())))
        .thenApply(patients -> stream(patients, python, turn))
        .whenComplete(
            (response, failure) -> {
              if (failure != null) {
                turns.end(turn);
              }
            });
  }

  private HttpResponse stream(
      PairPatients patients, Optional<String> python, OneAtATime.Turn turn) {
    var wanted = new AtomicBoolean(true);
    // begins when it begins to flow: a client that left before starts nothing
    Source<ByteString, ?> bytes =
        Source.lazyCompletionStage(() -> run(patients, python, turn, wanted))
            .map(replies::text)
            .keepAlive(HEARTBEAT, () -> "\n")
            .map(ByteString::fromString)
            .watchTermination(
                (value, done) -> {
                  done.whenComplete((ignored, failure) -> wanted.set(false));
                  return value;
                });
    return HttpResponse.create()
        .withStatus(200)
        .withEntity(HttpEntities.createChunked(ContentTypes.APPLICATION_JSON, bytes));
  }

  private CompletionStage<PairsView> run(
      PairPatients patients, Optional<String> python, OneAtATime.Turn turn, AtomicBoolean wanted) {
    Optional<OneAtATime.Turn> begun = turns.begin(turn);
    if (begun.isEmpty()) {
      return CompletableFuture.failedStage(
          new IllegalStateException("another pair check began before this one was read"));
    }
    var rounds =
        new PairRounds(
            coordinator::askAgent,
            patients.places(),
            DoctorRoutes.newName(),
            python,
            End.FAILED_ALONE,
            wanted::get);
    return Stages.all(patients.checks().stream().map(rounds::run).toList())
        .whenComplete((checks, failure) -> turns.end(begun.get()))
        .thenApply(checks -> view(checks, patients.leftOut()));
  }

  private static PairsView view(List<PairCheck> checks, Map<NodeId, Finding> leftOut) {
    var found = new TreeMap<String, List<Finding>>();
    checks.forEach(c -> PairVerdict.of(c).forEach((node, f) -> found.put(node.value(), f)));
    leftOut.forEach((node, finding) -> found.put(node.value(), List.of(finding)));
    return new PairsView(
        found.values().stream().flatMap(List::stream).noneMatch(Finding::isFail),
        checks.stream().flatMap(c -> c.met().stream()).map(PairRoutes::group).toList(),
        found.entrySet().stream()
            .map(e -> DoctorRoutes.patient(new NodeId(e.getKey()), e.getValue()))
            .toList());
  }

  private static PairsView.GroupView group(PairGroup group) {
    return new PairsView.GroupView(
        group.round(),
        group.nodes().stream().map(NodeId::value).toList(),
        group.result().name(),
        group.gather().map(time -> time.toNanos() / 1e9),
        group.bytesPerSecond(),
        Optional.of(group.problem()).filter(text -> !text.isEmpty()));
  }
}
