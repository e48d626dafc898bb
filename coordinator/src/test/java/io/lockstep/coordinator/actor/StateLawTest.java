package io.lockstep.coordinator.actor;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.coordinator.core.ClusterEvent;
import io.lockstep.coordinator.seat.LeaseLaw;
import io.lockstep.coordinator.seat.LeaseLaw.Standing;
import io.lockstep.coordinator.seat.Membership;
import io.lockstep.coordinator.seat.StoredState;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.NodeId;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

final class StateLawTest {
  private final AtomicInteger reads = new AtomicInteger();
  private final StateLaw law =
      new StateLaw(
          new StateCodec() {
            @Override
            public ClusterEvent readEvent(byte[] bytes) {
              reads.incrementAndGet();
              return super.readEvent(bytes);
            }
          });

  @Test
  void whatIsAppendedIsReadOnce() {
    byte[] first = new StateCodec().write(StateCodecTest.events().findFirst().orElseThrow());
    var one = new StoredState(Membership.NONE, 0, new byte[0], List.of(first));
    var two = new StoredState(Membership.NONE, 0, one.snapshot(), List.of(first, first));

    law.read(one);
    law.read(two);
    law.read(two);

    assertThat(reads).hasValue(2);
  }

  @Test
  void aStateThatThisReleaseCannotReadGrantsNothing() {
    var damaged = new StoredState(Membership.NONE, 1, new byte[] {1, 2, 3}, List.of());

    LeaseLaw read = law.read(damaged);

    assertThat(
            read.of(
                new Fence(1, Samples.JOB, io.lockstep.protocol.model.Attempt.FIRST),
                new NodeId("n1")))
        .isEqualTo(Standing.UNKNOWN);
  }
}
