package io.lockstep.coordinator.actor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.cbor.CBORFactory;
import io.lockstep.coordinator.core.ClusterEvent;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.coordinator.core.Lease;
import io.lockstep.coordinator.core.LeaseStanding;
import io.lockstep.coordinator.seat.LeaseLaw;
import io.lockstep.coordinator.seat.LeaseLaw.Standing;
import io.lockstep.coordinator.seat.Membership;
import io.lockstep.coordinator.seat.StoredState;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.NodeId;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

final class StateLawTest {
  private final AtomicInteger reads = new AtomicInteger();
  private final StateLaw law =
      new StateLaw(
          new StateCodec() {
            @Override
            protected Optional<ClusterEvent> readIfKnown(byte[] bytes) {
              reads.incrementAndGet();
              return super.readIfKnown(bytes);
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
  void anEventOfALaterReleaseIsSkippedAndWhatItKnowsIsGrantedOn() throws IOException {
    ClusterState running =
        StateCodecTest.states().filter(s -> !held(s).isEmpty()).findFirst().orElseThrow();
    Lease lease = held(running).iterator().next();
    byte[] later =
        new ObjectMapper(new CBORFactory())
            .writeValueAsBytes(
                Map.of("event", "attempt.of-a-later-release", "of", Map.of("id", 1)));
    var stored =
        new StoredState(
            Membership.NONE,
            running.version(),
            new StateCodec().writeSnapshot(running),
            List.of(later));

    assertThat(law.read(stored).of(lease.fence(), lease.node())).isEqualTo(Standing.PERMITTED);
    assertThatThrownBy(() -> new StateCodec().read(stored))
        .as("a coordinator knows all or does not lead")
        .hasMessageContaining("attempt.of-a-later-release");
  }

  private static Set<Lease> held(ClusterState state) {
    return state.mayBeHeld().stream()
        .filter(lease -> state.standing(lease) == LeaseStanding.PERMITTED)
        .collect(Collectors.toSet());
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
