package io.lockstep.coordinator.actor;

import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.javadsl.AskPattern;
import io.lockstep.protocol.message.AgentQuery;
import io.lockstep.protocol.message.ToAgent;
import io.lockstep.protocol.message.ToCoordinator;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
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

  /**
   * {@inheritDoc}
   *
   * <p>The proxy keeps what it cannot deliver and delivers it when there is a coordinator again,
   * long after its sender was told that it failed. So what changes something is only sent once a
   * coordinator has answered.
   */
  @Override
  public CompletionStage<CoordinatorAnswer> ask(
      Function<ActorRef<CoordinatorAnswer>, CoordinatorRequest> request) {
    if (!CoordinatorRequest.changesSomething(request.apply(system.ignoreRef()))) {
      return send(request);
    }
    return send(CoordinatorRequest.DescribeCluster::new)
        .exceptionally(CoordinatorGateway::nobody)
        .thenCompose(
            there ->
                there instanceof CoordinatorAnswer.Refused
                    ? CompletableFuture.completedStage(there)
                    : send(request));
  }

  private static CoordinatorAnswer nobody(Throwable failure) {
    return new CoordinatorAnswer.Refused(
        Reason.of(
            ReasonCode.NO_QUORUM,
            "no coordinator answered within %d s; nothing was done",
            ASK_TIMEOUT.toSeconds()));
  }

  private CompletionStage<CoordinatorAnswer> send(
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

  @Override
  public <A> CompletionStage<A> askAgent(
      ActorRef<ToAgent> agent, Function<ActorRef<A>, AgentQuery> query, Duration limit) {
    return ask(system, agent, query, limit);
  }

  /** Fails with {@link java.util.concurrent.TimeoutException} after the limit. */
  static <A> CompletionStage<A> ask(
      ActorSystem<?> system,
      ActorRef<ToAgent> agent,
      Function<ActorRef<A>, AgentQuery> query,
      Duration limit) {
    return AskPattern.<ToAgent, A>ask(agent, query::apply, limit, system.scheduler());
  }
}
