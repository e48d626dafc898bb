package io.lockstep.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import akka.Done;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.Behavior;
import akka.actor.typed.javadsl.Behaviors;
import akka.cluster.MemberStatus;
import akka.cluster.typed.Cluster;
import akka.cluster.typed.Join;
import akka.cluster.typed.SelfUp;
import akka.cluster.typed.Subscribe;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Whether a daemon leaves a cluster that is not that of the seats; one seat that formed its own.
 */
@Timeout(60)
final class SeatsWatchTest {
  private static final String SEATS = "control";
  private static final Duration INTERVAL = Duration.ofMillis(20);
  private static final Duration LIMIT = Duration.ofMillis(100);
  private static final Duration LONG = Duration.ofMinutes(10);
  private static final int LOOKS = 20;

  private static final Config ALONE =
      ConfigFactory.parseString(
              """
              akka.actor.provider = cluster
              akka.remote.artery.canonical { hostname = 127.0.0.1, port = 0 }
              akka.cluster.multi-data-center.self-data-center = control
              akka.cluster.jmx.multi-mbeans-in-same-jvm = on
              akka.coordinated-shutdown.exit-jvm = off
              akka.loglevel = OFF
              akka.stdout-loglevel = OFF
              """)
          .withFallback(ConfigFactory.defaultReference())
          .resolve();

  @Test
  void aSeatThatIsAloneInItsClusterLeavesIt() throws Exception {
    ActorSystem<SelfUp> system = clusterOfOne(SeatsWatch.create(SEATS, 2, INTERVAL, LIMIT, LONG));

    Done ended = system.getWhenTerminated().toCompletableFuture().get(30, TimeUnit.SECONDS);

    assertThat(ended).isNotNull();
  }

  /** Daemons have it so: the minimum of members keeps a seat that is alone from being up. */
  @Test
  void aSeatThatIsAloneInTheClusterThatItFoundedLeavesIt() throws Exception {
    Config joining =
        ConfigFactory.parseString("akka.cluster.min-nr-of-members = 2").withFallback(ALONE);
    Behavior<Void> guardian =
        Behaviors.setup(
            context -> {
              context.spawn(SeatsWatch.create(SEATS, 2, INTERVAL, LONG, LIMIT), "watch");
              Cluster cluster = Cluster.get(context.getSystem());
              cluster.manager().tell(Join.create(cluster.selfMember().address()));
              return Behaviors.empty();
            });

    ActorSystem<Void> system = ActorSystem.create(guardian, "watched", joining);

    Done ended = system.getWhenTerminated().toCompletableFuture().get(30, TimeUnit.SECONDS);
    assertThat(ended).isNotNull();
  }

  @Test
  void aSeatWhoseClusterHasAMajorityStays() throws Exception {
    ActorSystem<SelfUp> system = clusterOfOne(SeatsWatch.create(SEATS, 1, INTERVAL, LIMIT, LIMIT));
    try {
      Thread.sleep(LIMIT.plus(INTERVAL.multipliedBy(LOOKS)).toMillis());

      assertThat(Cluster.get(system).selfMember().status()).isEqualTo(MemberStatus.up());
      assertThat(system.getWhenTerminated().toCompletableFuture()).isNotDone();
    } finally {
      system.terminate();
      system.getWhenTerminated().toCompletableFuture().get(30, TimeUnit.SECONDS);
    }
  }

  /** Spawns the watch once the only member is up. */
  private static ActorSystem<SelfUp> clusterOfOne(Behavior<SeatsWatch.Look> watch)
      throws Exception {
    var up = new CompletableFuture<Done>();
    Behavior<SelfUp> guardian =
        Behaviors.setup(
            context -> {
              Cluster cluster = Cluster.get(context.getSystem());
              cluster.subscriptions().tell(Subscribe.create(context.getSelf(), SelfUp.class));
              cluster.manager().tell(Join.create(cluster.selfMember().address()));
              return Behaviors.receiveMessage(
                  isUp -> {
                    context.spawn(watch, "watch");
                    up.complete(Done.getInstance());
                    return Behaviors.same();
                  });
            });
    ActorSystem<SelfUp> system = ActorSystem.create(guardian, "watched", ALONE);
    up.get(30, TimeUnit.SECONDS);
    return system;
  }
}
