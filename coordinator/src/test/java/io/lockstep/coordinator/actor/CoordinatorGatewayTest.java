package io.lockstep.coordinator.actor;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.TestProbe;
import io.lockstep.protocol.api.ClusterView;
import io.lockstep.protocol.message.ToCoordinator;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What is asked must not be done long after its sender was told that it failed. */
final class CoordinatorGatewayTest {
  private final ActorTestKit kit = ActorTestKit.create();
  private static final NodeId NODE = new NodeId("a");

  private final TestProbe<ToCoordinator> proxy = kit.createTestProbe();
  private final CoordinatorGateway gateway =
      new CoordinatorGateway(kit.system(), proxy.getRef(), new LastKnown(Optional::empty));

  @AfterEach
  void stop() {
    kit.shutdownTestKit();
  }

  @Test
  void aWriteIsNotSentWhileNobodyAnswers() {
    CompletionStage<CoordinatorAnswer> answer = drain();
    proxy.expectMessageClass(CoordinatorRequest.DescribeCluster.class);

    // as the proxy does that has buffered it: nobody answers in time
    assertThat(answer.toCompletableFuture().join())
        .isInstanceOfSatisfying(
            CoordinatorAnswer.Refused.class,
            refused -> {
              assertThat(refused.reason().code()).isEqualTo(ReasonCode.NO_QUORUM);
              assertThat(refused.reason().message()).contains("nothing was done");
            });
    proxy.expectNoMessage(Duration.ofMillis(100));
  }

  @Test
  void aWriteIsSentToACoordinatorThatAnswers() {
    CompletionStage<CoordinatorAnswer> answer = drain();
    proxy
        .expectMessageClass(CoordinatorRequest.DescribeCluster.class)
        .replyTo()
        .tell(
            new CoordinatorAnswer.Cluster(
                new ClusterView("0", Optional.of("a"), 1, 1, List.of(), 1, 0)));
    var done = new CoordinatorAnswer.Done(Reason.of(ReasonCode.DRAINING, "draining"));
    proxy.expectMessageClass(CoordinatorRequest.Drain.class).replyTo().tell(done);

    assertThat(answer.toCompletableFuture().join()).isEqualTo(done);
  }

  @Test
  void oneThatStandsAloneTakesNoWrite() {
    CompletionStage<CoordinatorAnswer> answer = drain();
    var alone = new CoordinatorAnswer.Refused(Reason.of(ReasonCode.NO_QUORUM, "1 of 3 seats"));
    proxy.expectMessageClass(CoordinatorRequest.DescribeCluster.class).replyTo().tell(alone);

    assertThat(answer.toCompletableFuture().join()).isEqualTo(alone);
    proxy.expectNoMessage(Duration.ofMillis(100));
  }

  private CompletionStage<CoordinatorAnswer> drain() {
    return gateway.ask(replyTo -> new CoordinatorRequest.Drain(NODE, replyTo));
  }
}
