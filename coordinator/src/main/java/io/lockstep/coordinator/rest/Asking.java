package io.lockstep.coordinator.rest;

import akka.actor.typed.ActorRef;
import io.lockstep.coordinator.actor.Coordinator;
import io.lockstep.coordinator.actor.CoordinatorAnswer;
import io.lockstep.coordinator.actor.CoordinatorRequest;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

/** Asks the coordinator for one kind of answer; a refusal fails the stage. */
final class Asking {
  private final Coordinator coordinator;

  Asking(Coordinator coordinator) {
    this.coordinator = coordinator;
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
