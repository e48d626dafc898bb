package io.lockstep.coordinator.rest;

import akka.actor.typed.ActorRef;
import akka.http.javadsl.model.HttpResponse;
import io.lockstep.coordinator.actor.Coordinator;
import io.lockstep.coordinator.actor.CoordinatorAnswer;
import io.lockstep.coordinator.actor.CoordinatorRequest;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

/** Asks the coordinator for one kind of answer; a refusal fails the stage. */
final class Asking {
  private final Coordinator coordinator;
  private final Replies replies;

  Asking(Coordinator coordinator, Replies replies) {
    this.coordinator = coordinator;
    this.replies = replies;
  }

  /**
   * Asks for what changes nothing and answers it; from what this host's seat last knew, marked,
   * when no coordinator answers.
   */
  <A extends CoordinatorAnswer> CompletionStage<HttpResponse> read(
      Class<A> kind,
      Function<ActorRef<CoordinatorAnswer>, CoordinatorRequest> request,
      Function<A, Object> body) {
    return ask(kind, request)
        .thenApply(answer -> replies.ok(body.apply(answer)))
        .exceptionallyCompose(
            failure ->
                Problems.withoutCoordinator(failure)
                    .flatMap(why -> coordinator.lastKnown(request, why))
                    .filter(last -> kind.isInstance(last.answer()))
                    .map(
                        last ->
                            CompletableFuture.completedStage(
                                replies.lastKnown(
                                    body.apply(kind.cast(last.answer())), last.about())))
                    .orElseGet(() -> CompletableFuture.failedStage(failure)));
  }

  <A extends CoordinatorAnswer> CompletionStage<A> ask(
      Class<A> kind, Function<ActorRef<CoordinatorAnswer>, CoordinatorRequest> request) {
    return coordinator
        .ask(request)
        .thenCompose(
            answer -> {
              if (answer instanceof CoordinatorAnswer.Refused refused) {
                return CompletableFuture.failedStage(Refusal.of(refused.reason()));
              }
              return kind.isInstance(answer)
                  ? CompletableFuture.completedStage(kind.cast(answer))
                  : CompletableFuture.failedStage(
                      new IllegalStateException("wanted " + kind + ", got " + answer));
            });
  }
}
