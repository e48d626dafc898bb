package io.lockstep.coordinator.actor;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.typed.ActorRef;
import io.lockstep.coordinator.seat.LastAccepted;
import io.lockstep.coordinator.seat.Membership;
import io.lockstep.coordinator.seat.SeatId;
import io.lockstep.coordinator.seat.StoredState;
import io.lockstep.protocol.api.NodeView;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.Term;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What is said of jobs and nodes while no majority of the seats answers. */
final class LastKnownTest {
  private final ActorTestKit kit = ActorTestKit.create();
  private final ActorRef<CoordinatorAnswer> nowhere = kit.system().ignoreRef();
  private static final StateCodec codec = new StateCodec();

  private final LastKnown lastKnown =
      new LastKnown(
          () -> {
            List<byte[]> events = Samples.life().stream().map(codec::write).toList();
            var stored = new StoredState(Membership.NONE, 0, new byte[0], events);
            var seat = new SeatId("10.0.0.1:25520");
            return Optional.of(
                new LastAccepted(seat, new Term(7), stored, Optional.of(Duration.ofSeconds(9))));
          });

  @AfterEach
  void stop() {
    kit.shutdownTestKit();
  }

  @Test
  void aReadIsAnsweredFromWhatTheSeatAcceptedAndSaysSo() {
    LastKnown.Answer known =
        lastKnown.answer(new CoordinatorRequest.ListNodes(nowhere), "cut off").orElseThrow();

    assertThat(((CoordinatorAnswer.Nodes) known.answer()).nodes())
        .isNotEmpty()
        .noneMatch(NodeView::coordinator);
    assertThat(known.about().term()).isEqualTo(7);
    assertThat(known.about().version()).isEqualTo(Samples.life().size());
    assertThat(known.about().ageSeconds()).contains(9L);
    assertThat(known.about().why()).isEqualTo("cut off");
  }

  @Test
  void aJobThatItDoesNotKnowIsNotDenied() {
    var request = new CoordinatorRequest.DescribeJob(new JobId("newer-1"), nowhere);

    assertThat(lastKnown.answer(request, "cut off")).isEmpty();
  }

  @Test
  void whatChangesSomethingIsNotAnswered() {
    var drain = new CoordinatorRequest.Drain(new NodeId("a"), nowhere);

    assertThat(lastKnown.answer(drain, "cut off")).isEmpty();
    assertThat(lastKnown.answer(new CoordinatorRequest.DescribeCluster(nowhere), "x")).isEmpty();
  }

  @Test
  void aHostThatHoldsNothingAndStateThatCannotBeReadAnswerNothing() {
    var damaged = new StoredState(Membership.NONE, 1, new byte[] {1, 2, 3}, List.of());
    var of =
        new LastKnown(
            () ->
                Optional.of(
                    new LastAccepted(new SeatId("a:1"), new Term(1), damaged, Optional.empty())));

    assertThat(of.answer(new CoordinatorRequest.ListJobs(nowhere), "x")).isEmpty();
    assertThat(new LastKnown(Optional::empty).answer(new CoordinatorRequest.ListJobs(nowhere), "x"))
        .isEmpty();
  }
}
