package io.lockstep.coordinator.rest;

import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorSystem;
import io.lockstep.coordinator.actor.Coordinator;
import io.lockstep.coordinator.actor.CoordinatorAnswer;
import io.lockstep.coordinator.actor.CoordinatorRequest;
import io.lockstep.coordinator.actor.LastKnown;
import io.lockstep.protocol.message.AgentQuery;
import io.lockstep.protocol.message.ToAgent;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BiFunction;
import java.util.function.Function;

/** Answers as a test says, and remembers what it was asked. */
final class FakeCoordinator implements Coordinator {
  final List<CoordinatorRequest> requests = new CopyOnWriteArrayList<>();
  final List<AgentQuery.ReadLog> reads = new CopyOnWriteArrayList<>();
  private final ActorSystem<?> system;

  volatile Function<CoordinatorRequest, CoordinatorAnswer> answers =
      request -> {
        throw new IllegalStateException("the test says no answer to " + request);
      };
  volatile Function<String, Optional<LastKnown.Answer>> lastKnown = why -> Optional.empty();
  volatile Function<AgentQuery.ReadLog, AgentQuery.LogChunk> logs =
      query -> {
        throw new IllegalStateException("the test says no log");
      };

  volatile BiFunction<ActorRef<ToAgent>, AgentQuery, Object> agents =
      (agent, query) -> {
        throw new IllegalStateException("the test says no answer to " + query);
      };

  FakeCoordinator(ActorSystem<?> system) {
    this.system = system;
  }

  @Override
  public CompletionStage<CoordinatorAnswer> ask(
      Function<ActorRef<CoordinatorAnswer>, CoordinatorRequest> request) {
    CoordinatorRequest asked = request.apply(system.ignoreRef());
    requests.add(asked);
    return given(() -> answers.apply(asked));
  }

  @Override
  public Optional<LastKnown.Answer> lastKnown(
      Function<ActorRef<CoordinatorAnswer>, CoordinatorRequest> request, String why) {
    return lastKnown.apply(why);
  }

  @Override
  public CompletionStage<AgentQuery.LogChunk> readLog(
      ActorRef<ToAgent> agent, Function<ActorRef<AgentQuery.LogChunk>, AgentQuery.ReadLog> query) {
    AgentQuery.ReadLog asked = query.apply(system.ignoreRef());
    reads.add(asked);
    return given(() -> logs.apply(asked));
  }

  /** What a test throws as {@link Failing} fails the stage, as an ask does. */
  private static <T> CompletionStage<T> given(java.util.function.Supplier<T> answer) {
    try {
      return CompletableFuture.completedStage(answer.get());
    } catch (Failing e) {
      return CompletableFuture.failedStage(e.failure);
    }
  }

  static Failing failing(Throwable failure) {
    return new Failing(failure);
  }

  static final class Failing extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final Throwable failure;

    Failing(Throwable failure) {
      super(failure);
      this.failure = failure;
    }
  }

  @Override
  public <A> CompletionStage<A> askAgent(
      ActorRef<ToAgent> agent, Function<ActorRef<A>, AgentQuery> query, java.time.Duration limit) {
    AgentQuery asked = query.apply(system.ignoreRef());
    @SuppressWarnings("unchecked") // a test answers what is asked
    CompletionStage<A> answer = (CompletionStage<A>) given(() -> agents.apply(agent, asked));
    return answer;
  }
}
