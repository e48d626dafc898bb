package io.lockstep.coordinator.actor;

import akka.actor.typed.ActorRef;
import io.lockstep.protocol.message.AgentQuery;
import io.lockstep.protocol.message.ToAgent;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

/** The only way in for REST: asks the singleton, or an agent, with a deadline. Never blocks. */
public interface Coordinator {
  /**
   * Asks the coordinator. Fails with {@link java.util.concurrent.TimeoutException} when none
   * answered in time.
   */
  CompletionStage<CoordinatorAnswer> ask(
      Function<ActorRef<CoordinatorAnswer>, CoordinatorRequest> request);

  /**
   * What this host's seat last knew, for when {@link #ask} was refused with NO_QUORUM or not
   * answered; empty when the request is none that may be answered so.
   *
   * @param why why the coordinator did not answer
   */
  Optional<LastKnown.Answer> lastKnown(
      Function<ActorRef<CoordinatorAnswer>, CoordinatorRequest> request, String why);

  /** Asks an agent for a piece of log; fails like {@link #ask}. */
  CompletionStage<AgentQuery.LogChunk> readLog(
      ActorRef<ToAgent> agent, Function<ActorRef<AgentQuery.LogChunk>, AgentQuery.ReadLog> query);

  /** Asks an agent something else; fails when it does not answer within the limit. */
  <A> CompletionStage<A> askAgent(
      ActorRef<ToAgent> agent, Function<ActorRef<A>, AgentQuery> query, Duration limit);
}
