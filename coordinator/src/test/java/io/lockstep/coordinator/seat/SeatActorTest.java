package io.lockstep.coordinator.seat;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.typed.ActorRef;
import io.lockstep.protocol.model.Term;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The shell around the seat: requests reach the host, answers come back. */
final class SeatActorTest {
  private static final SeatRequest PROMISE =
      new SeatRequest.Promise(1, Optional.empty(), new Term(3), "c1");

  @Test
  void aSeatOutlivesItsActorSystem(@TempDir Path dataDir) throws IOException {
    try (SeatHost host =
        SeatHost.open(new SeatId("10.0.0.1"), dataDir, LeaseLaw.Reader.NOTHING, SeatId::address)) {
      SeatReply first = askInANewSystem(host);
      SeatReply second = askInANewSystem(host);

      assertThat(first).isInstanceOf(SeatReply.Promised.class).isEqualTo(second);
    }
  }

  @Test
  void aClosedSeatIsSilent(@TempDir Path dataDir) throws IOException {
    SeatHost host =
        SeatHost.open(new SeatId("10.0.0.1"), dataDir, LeaseLaw.Reader.NOTHING, SeatId::address);
    host.close();
    ActorTestKit kit = ActorTestKit.create();
    try {
      var probe = kit.<SeatReply>createTestProbe();
      kit.spawn(SeatActor.create(host)).tell(SeatCommand.of(PROMISE, probe.getRef()));
      probe.expectNoMessage(Duration.ofMillis(300));
    } finally {
      kit.shutdownTestKit();
    }
  }

  private static SeatReply askInANewSystem(SeatHost host) {
    ActorTestKit kit = ActorTestKit.create();
    try {
      var probe = kit.<SeatReply>createTestProbe();
      ActorRef<SeatCommand> seat = kit.spawn(SeatActor.create(host), SeatActor.NAME);
      seat.tell(SeatCommand.of(PROMISE, probe.getRef()));
      return probe.receiveMessage();
    } finally {
      kit.shutdownTestKit();
    }
  }
}
