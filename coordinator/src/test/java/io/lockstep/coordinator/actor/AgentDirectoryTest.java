package io.lockstep.coordinator.actor;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.testkit.typed.javadsl.TestInbox;
import akka.actor.typed.ActorRef;
import io.lockstep.protocol.message.ToAgent;
import io.lockstep.protocol.model.NodeId;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class AgentDirectoryTest {
  private static final NodeId NODE = new NodeId("n1");
  private static final Instant NOW = Instant.parse("2026-11-24T00:00:00Z");

  private final AgentDirectory directory = new AgentDirectory(NOW);
  private final ActorRef<ToAgent> agent = TestInbox.<ToAgent>create().getRef();

  @Test
  void anAgentIsAskedForHelloUntilItSaysIt() {
    assertThat(beat(agent, "disk-1")).isTrue();
    assertThat(beat(agent, "disk-1")).isTrue();

    directory.greeted(NODE, agent, "disk-1", NOW);

    assertThat(beat(agent, "disk-1")).isFalse();
  }

  @Test
  void anotherLifeOrAnotherMemoryIsAskedAgain() {
    directory.greeted(NODE, agent, "disk-1", NOW);

    assertThat(beat(agent, "disk-2")).isTrue();
    directory.greeted(NODE, agent, "disk-2", NOW);
    assertThat(beat(TestInbox.<ToAgent>create("again").getRef(), "disk-2")).isTrue();
  }

  @Test
  void aFrozenListenerDoesNotTakeItsOwnAbsenceForSilence() {
    directory.greeted(NODE, agent, "disk-1", NOW);
    Instant thawed = NOW.plusSeconds(60);

    directory.countSilenceFrom(thawed);

    assertThat(directory.silent(List.of(NODE), Duration.ofSeconds(10), thawed.plusSeconds(9)))
        .isEmpty();
    assertThat(directory.silent(List.of(NODE), Duration.ofSeconds(10), thawed.plusSeconds(11)))
        .containsExactly(NODE);
  }

  private boolean beat(ActorRef<ToAgent> from, String disk) {
    return directory.heard(NODE, from, disk, Optional.empty(), NOW);
  }
}
