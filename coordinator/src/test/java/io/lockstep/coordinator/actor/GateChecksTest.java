package io.lockstep.coordinator.actor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.ManualTime;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import akka.actor.typed.javadsl.Behaviors;
import io.lockstep.coordinator.core.ClusterAction;
import io.lockstep.coordinator.core.ClusterInput;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.coordinator.core.PairCheck;
import io.lockstep.coordinator.core.PairGroup;
import io.lockstep.protocol.message.AgentQuery;
import io.lockstep.protocol.message.ToAgent;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.PairOutcome;
import io.lockstep.protocol.model.PairOutcome.End;
import io.lockstep.protocol.model.PairReading;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The pair check at the end of a quarantine, with agents that answer as a test says. */
final class GateChecksTest {
  private final ActorTestKit kit = ActorTestKit.create(ManualTime.config());
  private final ManualTime time = ManualTime.get(kit.system());
  private static final PairOutcome WELL =
      PairOutcome.measured(
          new PairReading("cpu", Duration.ofMillis(3), Duration.ofMillis(20), 4 << 20));
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
  private static final Duration SOON = Duration.ofSeconds(20);

  private final BlockingQueue<ClusterInput.PairsChecked> heard = new LinkedBlockingQueue<>();
  private final TestProbe<AgentQuery.Pair> asked = kit.createTestProbe();
  private final GateChecks gate = new GateChecks(kit.system(), heard::add);
  private final AgentDirectory agents = new AgentDirectory(NOW);
  private final Map<NodeId, PairOutcome> ends = new ConcurrentHashMap<>();
  private final BlockingQueue<Runnable> waiting = new LinkedBlockingQueue<>();
  private volatile boolean mayAnswer = true;
  private ClusterState state = ClusterState.EMPTY;

  @AfterEach
  void stop() {
    kit.shutdownTestKit();
  }

  @BeforeEach
  void nodes() {
    for (NodeId node : List.of(Samples.GPU_1, Samples.GPU_2, Samples.GPU_3)) {
      state = state.evolve(Samples.joined(1, node));
    }
  }

  @Test
  void theNodesMeetAndWhatTheySayIsHeardWithWhatWasOrdered() throws Exception {
    heardOf(Samples.GPU_1, Samples.GPU_2);
    var ordered = order(Optional.of("/opt/python"), Samples.GPU_2);

    gate.begin(ordered, state, agents);

    ClusterInput.PairsChecked said = next();
    assertThat(said.ordered()).isEqualTo(ordered);
    assertThat(said.check().nodes()).containsExactly(Samples.GPU_1, Samples.GPU_2);
    assertThat(said.check().met())
        .extracting(PairGroup::result)
        .containsExactly(PairGroup.Result.PASSED);
    AgentQuery.Pair first = asked.receiveMessage(SOON);
    assertThat(first.python()).contains("/opt/python");
    assertThat(first.seat().nodes()).isEqualTo(2);
  }

  @Test
  void oneThatFailsMeetsAnotherOne() throws Exception {
    heardOf(Samples.GPU_1, Samples.GPU_2, Samples.GPU_3);
    ends.put(Samples.GPU_1, PairOutcome.failed(End.FAILED_TOGETHER, "connection closed"));

    gate.begin(order(Optional.empty(), Samples.GPU_2, Samples.GPU_3), state, agents);

    assertThat(next().check().round()).isGreaterThan(1);
  }

  @Test
  void whatIsOrderedAgainMeanwhileIsHeldOnceAndAfterItsEndAgain() throws Exception {
    heardOf(Samples.GPU_1, Samples.GPU_2);
    var ordered = order(Optional.empty(), Samples.GPU_2);

    mayAnswer = false;
    for (int i = 0; i < 5; i++) {
      gate.begin(ordered, state, agents);
    }
    waiting.take().run();
    waiting.take().run();
    next();
    assertThat(waiting).isEmpty();
    mayAnswer = true;

    gate.begin(ordered, state, agents);
    next();
  }

  @Test
  void untilAllAgentsAreKnownNothingIsBegun() throws Exception {
    heardOf(Samples.GPU_1);
    var ordered = order(Optional.empty(), Samples.GPU_2);

    gate.begin(ordered, state, agents);
    asked.expectNoMessage(Duration.ofMillis(200));

    heardOf(Samples.GPU_2);
    gate.begin(ordered, state, agents);
    assertThat(next().check().met()).hasSize(1);
  }

  /** Of an older release, or dead: that says nothing of the node's network. */
  @Test
  void anAgentThatDoesNotAnswerSaysNothingOfItsNode() {
    heardOf(Samples.GPU_1);
    agents.greeted(Samples.GPU_2, kit.<ToAgent>createTestProbe().ref(), "disk", NOW);

    gate.begin(order(Optional.empty(), Samples.GPU_2), state, agents);

    PairCheck check = heardAsTimePasses().check();
    assertThat(check.met().get(0).said().get(Samples.GPU_2))
        .isEqualTo(
            PairOutcome.failed(End.NOT_RUN, "no answer within 60 s; " + PairRounds.LOOK_AT_DAEMON));
  }

  @Test
  void aCheckIsNotTakenForLostWhileItMayBeAtWork() {
    Duration longest =
        PairRounds.PORT_LIMIT.plus(PairRounds.MEET_LIMIT).multipliedBy(PairCheck.MAX_ROUNDS);

    assertThat(ClusterAction.CheckPairs.LIMIT).isGreaterThan(longest);
  }

  private ClusterInput.PairsChecked heardAsTimePasses() {
    await()
        .atMost(SOON)
        .until(
            () -> {
              time.timePasses(PairRounds.MEET_LIMIT);
              return !heard.isEmpty();
            });
    return heard.remove();
  }

  private ClusterInput.PairsChecked next() throws InterruptedException {
    return Objects.requireNonNull(heard.poll(SOON.toSeconds(), TimeUnit.SECONDS));
  }

  private static ClusterAction.CheckPairs order(Optional<String> python, NodeId... partners) {
    return new ClusterAction.CheckPairs(Samples.GPU_1, List.of(partners), python);
  }

  private void heardOf(NodeId... nodes) {
    for (NodeId node : nodes) {
      agents.greeted(node, agent(node), "disk", NOW);
    }
  }

  private ActorRef<ToAgent> agent(NodeId node) {
    return kit.spawn(
        Behaviors.receiveMessage(
            query -> {
              if (query instanceof AgentQuery.OfferPort offer) {
                offer.replyTo().tell(new AgentQuery.OfferedPort(node, Optional.of(29_512)));
              } else if (query instanceof AgentQuery.Pair pair) {
                asked.ref().tell(pair);
                PairOutcome outcome = ends.getOrDefault(node, WELL);
                Runnable answer = () -> pair.replyTo().tell(new AgentQuery.Paired(node, outcome));
                // looked at once: a test that finds the answer waiting may set it meanwhile
                if (mayAnswer) {
                  answer.run();
                } else {
                  waiting.add(answer);
                }
              }
              return Behaviors.same();
            }));
  }
}
