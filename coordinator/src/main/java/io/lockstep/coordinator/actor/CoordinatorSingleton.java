package io.lockstep.coordinator.actor;

import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.SupervisorStrategy;
import akka.actor.typed.javadsl.Behaviors;
import akka.cluster.typed.Cluster;
import akka.cluster.typed.ClusterSingleton;
import akka.cluster.typed.ClusterSingletonSettings;
import akka.cluster.typed.SingletonActor;
import io.lockstep.protocol.message.ToCoordinator;
import java.time.Duration;

/** The coordinator as cluster singleton: on seats only, reached from everywhere. */
public final class CoordinatorSingleton {
  /** Role of hosts that may coordinate. */
  public static final String ROLE = "coordinator";

  /** Akka data center of the seats. */
  public static final String DATA_CENTER = "control";

  private CoordinatorSingleton() {}

  /** Starts the singleton where this host is a seat; returns the proxy that reaches it. */
  public static ActorRef<ToCoordinator> init(ActorSystem<?> system, CoordinatorSettings settings) {
    ClusterSingletonSettings singleton = ClusterSingletonSettings.create(system).withRole(ROLE);
    if (!Cluster.get(system).selfMember().hasRole(ROLE)) {
      singleton = singleton.withDataCenter(DATA_CENTER);
    }
    return ClusterSingleton.get(system)
        .init(
            SingletonActor.of(
                    Behaviors.supervise(CoordinatorActor.create(settings))
                        .onFailure(
                            SupervisorStrategy.restartWithBackoff(
                                Duration.ofMillis(200), Duration.ofSeconds(5), 0.2)),
                    "coordinator")
                .withSettings(singleton));
  }
}
