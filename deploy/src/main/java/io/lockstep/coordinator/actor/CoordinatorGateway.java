package io.lockstep.coordinator.actor;

import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorSystem;
import io.lockstep.protocol.message.AgentQuery;
import io.lockstep.protocol.message.ToAgent;
import io.lockstep.protocol.message.ToCoordinator;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;

public final class CoordinatorGateway implements Coordinator {
  public CoordinatorGateway(ActorSystem<?> system, ActorRef<ToCoordinator> coordinator) {}

  @Override
  public CompletionStage<CoordinatorAnswer> ask(
      Function<ActorRef<CoordinatorAnswer>, CoordinatorRequest> request) {
    return CompletableFuture.failedFuture(new TimeoutException("stub"));
  }

  @Override
  public CompletionStage<AgentQuery.LogChunk> readLog(
      ActorRef<ToAgent> agent, Function<ActorRef<AgentQuery.LogChunk>, AgentQuery.ReadLog> query) {
    return CompletableFuture.failedFuture(new TimeoutException("stub"));
  }
}
