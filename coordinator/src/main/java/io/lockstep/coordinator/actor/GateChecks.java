package io.lockstep.coordinator.actor;

import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorSystem;
import io.lockstep.coordinator.actor.CoordinatorAnswer.NodePlace;
import io.lockstep.coordinator.core.ClusterAction;
import io.lockstep.coordinator.core.ClusterInput;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.coordinator.core.PairCheck;
import io.lockstep.protocol.message.AgentQuery;
import io.lockstep.protocol.message.ToAgent;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.PairOutcome.End;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Carries out the pair checks at the end of quarantines: each node is in one at a time. */
final class GateChecks {
  private final ActorSystem<?> system;
  private final Consumer<ClusterInput.PairsChecked> listener;
  private final Set<NodeId> atWork = ConcurrentHashMap.newKeySet();

  /**
   * @param listener hears what came of each, on any thread
   */
  GateChecks(ActorSystem<?> system, Consumer<ClusterInput.PairsChecked> listener) {
    this.system = system;
    this.listener = listener;
  }

  /** Nothing where this node's is at work, or an agent is not known yet: it is ordered again. */
  void begin(ClusterAction.CheckPairs ordered, ClusterState state, AgentDirectory agents) {
    Map<NodeId, NodePlace> places =
        ordered.nodes().stream()
            .flatMap(id -> state.node(id).map(agents::place).stream())
            .filter(place -> place.agent().isPresent())
            .collect(Collectors.toMap(NodePlace::node, place -> place));
    if (!places.keySet().containsAll(ordered.nodes()) || !atWork.add(ordered.node())) {
      return;
    }
    // an agent that does not answer may be of an older release: that says nothing of the node
    new PairRounds(
            this::ask,
            places,
            "gate-of-" + ordered.node(),
            ordered.python(),
            End.NOT_RUN,
            () -> true)
        .run(PairCheck.of(ordered.nodes()))
        .whenComplete(
            (check, failure) -> {
              atWork.remove(ordered.node());
              if (check != null) {
                listener.accept(new ClusterInput.PairsChecked(ordered, check));
              }
            });
  }

  private <A> CompletionStage<A> ask(
      ActorRef<ToAgent> agent, Function<ActorRef<A>, AgentQuery> query, Duration limit) {
    return CoordinatorGateway.ask(system, agent, query, limit);
  }
}
