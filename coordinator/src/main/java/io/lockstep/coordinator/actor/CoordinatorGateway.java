package io.lockstep.coordinator.actor;

import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.javadsl.AskPattern;
import io.lockstep.protocol.message.AgentQuery;
import io.lockstep.protocol.message.ToAgent;
import io.lockstep.protocol.message.ToCoordinator;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

/** Asks the singleton through its proxy. */
public final class CoordinatorGateway implements Coordinator {
  /** How long an answer may take. */
  static final Duration ASK_TIMEOUT = Duration.ofSeconds(5);

  private final ActorSystem<?> system;
  private final ActorRef<ToCoordinator> coordinator;
  private final LastKnown lastKnown;

  public CoordinatorGateway(
      ActorSystem<?> system, ActorRef<ToCoordinator> coordinator, LastKnown lastKnown) {
    this.system = system;
    this.coordinator = coordinator;
    this.lastKnown = lastKnown;
  }

  @Override
  public CompletionStage<CoordinatorAnswer> ask(
      Function<ActorRef<CoordinatorAnswer>, CoordinatorRequest> request) {
    return AskPattern.<ToCoordinator, CoordinatorAnswer>ask(
        coordinator, request::apply, ASK_TIMEOUT, system.scheduler());
  }

  @Override
  public Optional<LastKnown.Answer> lastKnown(
      Function<ActorRef<CoordinatorAnswer>, CoordinatorRequest> request, String why) {
    return lastKnown.answer(request.apply(system.ignoreRef()), why);
  }

  @Override
  public CompletionStage<AgentQuery.LogChunk> readLog(
      ActorRef<ToAgent> agent, Function<ActorRef<AgentQuery.LogChunk>, AgentQuery.ReadLog> query) {
    return AskPattern.<ToAgent, AgentQuery.LogChunk>ask(
        agent, query::apply, ASK_TIMEOUT, system.scheduler());
  }
}
