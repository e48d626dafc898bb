package io.lockstep.coordinator.actor;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.TestInbox;
import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorRefResolver;
import com.typesafe.config.ConfigFactory;
import io.lockstep.protocol.message.ToAgent;
import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.GroupStatus;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.Progress;
import io.lockstep.protocol.model.WarmStatus;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class AgentDirectoryTest {
  private static final Optional<WarmStatus> NO_POOL = Optional.empty();
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

  @Test
  void aNodeIdBelongsToTheDaemonThatIsHeardWithIt() {
    ActorTestKit kit =
        ActorTestKit.create(
            "directory",
            ConfigFactory.parseString(
                """
                akka.actor.provider = remote
                akka.remote.artery.canonical { hostname = "127.0.0.1", port = 0 }
                """));
    try {
      ActorRefResolver resolver = ActorRefResolver.get(kit.system());
      ActorRef<ToAgent> first = resolver.resolveActorRef("akka://directory@10.0.0.1:1/user/a#1");
      ActorRef<ToAgent> again = resolver.resolveActorRef("akka://directory@10.0.0.1:1/user/a#2");
      ActorRef<ToAgent> second = resolver.resolveActorRef("akka://directory@10.0.0.2:1/user/a#3");
      assertThat(directory.takenBy(NODE, second, NOW)).isEmpty();

      directory.greeted(NODE, first, "disk-1", NOW);

      assertThat(directory.takenBy(NODE, second, NOW.plusSeconds(2)).orElseThrow())
          .contains("10.0.0.1:1");
      assertThat(directory.takenBy(NODE, again, NOW)).isEmpty();
      assertThat(directory.takenBy(NODE, second, NOW.plus(AgentDirectory.ID_HELD))).isEmpty();
    } finally {
      kit.shutdownTestKit();
    }
  }

  @Test
  void howFarAGroupCameIsKnownAfterItsEnd() {
    directory.greeted(NODE, agent, "disk-1", NOW);
    directory.heard(NODE, agent, "disk-1", Optional.of(group(Optional.of(at(4)))), NO_POOL, NOW);
    directory.heard(NODE, agent, "disk-1", Optional.of(group(Optional.empty())), NO_POOL, NOW);
    directory.heard(NODE, agent, "disk-1", Optional.empty(), NO_POOL, NOW);

    assertThat(directory.group(NODE)).isEmpty();
    assertThat(directory.newest(NODE).flatMap(GroupStatus::progress)).contains(at(4));
  }

  private static Progress at(long step) {
    return new Progress(step, 10, Optional.empty(), Optional.empty(), NOW);
  }

  private static GroupStatus group(Optional<Progress> progress) {
    return new GroupStatus(
        new Fence(6, Samples.JOB, Attempt.FIRST),
        GroupStatus.Phase.RUNNING,
        List.of(),
        progress,
        Optional.empty(),
        Optional.empty());
  }

  private boolean beat(ActorRef<ToAgent> from, String disk) {
    return directory.heard(NODE, from, disk, Optional.empty(), Optional.empty(), NOW);
  }
}
