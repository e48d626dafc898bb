package io.lockstep.coordinator.actor;

import akka.actor.typed.ActorRef;
import io.lockstep.coordinator.actor.CoordinatorAnswer.NodePlace;
import io.lockstep.coordinator.core.PairCheck;
import io.lockstep.coordinator.core.PairGroup;
import io.lockstep.protocol.message.AgentQuery;
import io.lockstep.protocol.message.ToAgent;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.PairOutcome;
import io.lockstep.protocol.model.PairOutcome.End;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.stream.IntStream;

/** Lets the groups of a pair check meet, round after round, until it has no further ones. */
public final class PairRounds {
  /** What to do about a node that does not answer. */
  public static final String LOOK_AT_DAEMON =
      "look whether lockstepd runs there, and whether it is of this release";

  /** For a port, which is found at once. */
  static final Duration PORT_LIMIT = Duration.ofSeconds(5);

  /** The program's own limit, its kill, and the way there and back. */
  static final Duration MEET_LIMIT = AgentQuery.PAIR_LIMIT.plusSeconds(15);

  private final Asker asker;
  private final Map<NodeId, NodePlace> places;
  private final String doctor;
  private final Optional<String> python;
  private final End ofTheSilent;
  private final BooleanSupplier isWanted;

  /** Asks an agent; the stage fails when it does not answer within the limit. */
  @FunctionalInterface
  public interface Asker {
    <A> CompletionStage<A> ask(
        ActorRef<ToAgent> agent, Function<ActorRef<A>, AgentQuery> query, Duration limit);
  }

  /**
   * @param places of the nodes, with their agents
   * @param doctor names the check in the agents' logs
   * @param python interpreter; empty: each node's default
   * @param ofTheSilent whose matter it is when an agent does not answer
   * @param isWanted asked before each round; false ends the check
   */
  public PairRounds(
      Asker asker,
      Map<NodeId, NodePlace> places,
      String doctor,
      Optional<String> python,
      End ofTheSilent,
      BooleanSupplier isWanted) {
    this.asker = asker;
    this.places = places;
    this.doctor = doctor;
    this.python = python;
    this.ofTheSilent = ofTheSilent;
    this.isWanted = isWanted;
  }

  /** The check with all groups that met; the stage never fails. */
  public CompletionStage<PairCheck> run(PairCheck check) {
    List<List<NodeId>> next = check.next();
    if (next.isEmpty() || !isWanted.getAsBoolean()) {
      return CompletableFuture.completedStage(check);
    }
    int round = check.round() + 1;
    return Stages.all(next.stream().map(nodes -> meet(round, nodes)).toList())
        .thenCompose(groups -> run(check.with(groups)));
  }

  private CompletionStage<PairGroup> meet(int round, List<NodeId> nodes) {
    return this.<AgentQuery.OfferedPort>ask(nodes.get(0), AgentQuery.OfferPort::new, PORT_LIMIT)
        .thenCompose(
            offered ->
                offered.isEmpty()
                    ? notMet(round, nodes, ofTheSilent, silent(PORT_LIMIT))
                    : offered
                        .get()
                        .port()
                        .map(port -> meetAt(round, nodes, port))
                        .orElseGet(
                            () ->
                                notMet(
                                    round,
                                    nodes,
                                    End.FAILED_ALONE,
                                    "no port of ports.master is free")));
  }

  private CompletionStage<PairGroup> meetAt(int round, List<NodeId> nodes, int port) {
    String address = place(nodes.get(0)).address();
    return Stages.all(
            IntStream.range(0, nodes.size())
                .mapToObj(
                    rank ->
                        takePart(
                            nodes.get(rank),
                            new AgentQuery.PairSeat(rank, nodes.size(), address, port)))
                .toList())
        .thenApply(outcomes -> group(round, nodes, outcomes));
  }

  private CompletionStage<PairOutcome> takePart(NodeId node, AgentQuery.PairSeat seat) {
    return this.<AgentQuery.Paired>ask(
            node, replyTo -> new AgentQuery.Pair(doctor, python, seat, replyTo), MEET_LIMIT)
        .thenApply(
            answer ->
                answer
                    .map(AgentQuery.Paired::outcome)
                    .orElseGet(() -> PairOutcome.failed(ofTheSilent, silent(MEET_LIMIT))));
  }

  /** The first one could not even listen for the others. */
  private static CompletionStage<PairGroup> notMet(
      int round, List<NodeId> nodes, End end, String why) {
    List<PairOutcome> outcomes =
        nodes.stream()
            .map(
                node ->
                    node.equals(nodes.get(0))
                        ? PairOutcome.failed(end, why)
                        : PairOutcome.failed(
                            End.NOT_RUN, nodes.get(0) + " could not listen for it: " + why))
            .toList();
    return CompletableFuture.completedStage(group(round, nodes, outcomes));
  }

  private static PairGroup group(int round, List<NodeId> nodes, List<PairOutcome> outcomes) {
    var said = new LinkedHashMap<NodeId, PairOutcome>();
    IntStream.range(0, nodes.size()).forEach(i -> said.put(nodes.get(i), outcomes.get(i)));
    return new PairGroup(round, said);
  }

  private static String silent(Duration limit) {
    return "no answer within " + limit.toSeconds() + " s; " + LOOK_AT_DAEMON;
  }

  /** Empty where it does not answer in time. */
  private <A> CompletionStage<Optional<A>> ask(
      NodeId node, Function<ActorRef<A>, AgentQuery> query, Duration limit) {
    return asker
        .<A>ask(place(node).agent().orElseThrow(), query, limit)
        .thenApply(Optional::of)
        .exceptionally(failure -> Optional.empty());
  }

  private NodePlace place(NodeId node) {
    return Objects.requireNonNull(places.get(node));
  }
}
