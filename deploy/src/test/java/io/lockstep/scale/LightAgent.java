package io.lockstep.scale;

import akka.actor.BootstrapSetup;
import akka.actor.setup.ActorSystemSetup;
import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorRefResolver;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.Behavior;
import akka.actor.typed.BehaviorInterceptor;
import akka.actor.typed.TypedActorContext;
import akka.actor.typed.javadsl.Behaviors;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.lockstep.agent.actor.AgentActor;
import io.lockstep.agent.host.AgentSettings;
import io.lockstep.protocol.message.AgentCommand;
import io.lockstep.protocol.message.ToAgent;
import io.lockstep.protocol.message.ToCoordinator;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import scala.concurrent.ExecutionContext;

/** One agent in an actor system of its own, which is no member of the cluster. */
final class LightAgent {
  /** Commands that reached agents of this process, and reports that left them. */
  static final AtomicLong COMMANDS = new AtomicLong();

  static final AtomicLong REPORTS = new AtomicLong();

  private static final String COORDINATOR = "/system/singletonManagercoordinator/coordinator";
  private static final Config LEAN =
      ConfigFactory.parseString(
              """
              akka.actor.provider = remote
              akka.actor.internal-dispatcher = akka.actor.default-dispatcher
              akka.actor.default-blocking-io-dispatcher.thread-pool-executor.fixed-pool-size = 1
              akka.scheduler.tick-duration = 100ms
              akka.remote.artery.advanced.use-dispatcher = akka.actor.default-dispatcher
              akka.remote.artery.advanced.use-control-stream-dispatcher = akka.actor.default-dispatcher
              akka.remote.artery.advanced.outbound-message-queue-size = 512
              akka.remote.artery.advanced.compression.actor-refs.max = off
              akka.remote.artery.advanced.compression.manifests.max = off
              akka.loglevel = ERROR
              """)
          .withFallback(ConfigFactory.parseResources("io/lockstep/deploy/cluster.conf"));

  final LightHands hands;
  private final ActorSystem<Void> system;

  /**
   * @param seat where the coordinator is now, as {@code host:port}
   */
  LightAgent(
      AgentSettings settings, LightHands hands, Supplier<String> seat, ExecutionContext threads) {
    this.hands = hands;
    Config config =
        ConfigFactory.parseMap(
                Map.of(
                    "akka.remote.artery.canonical.hostname", settings.address(),
                    "akka.remote.artery.canonical.port", settings.akkaPort()))
            .withFallback(LEAN)
            .withFallback(ConfigFactory.defaultReference())
            .resolve();
    this.system =
        ActorSystem.create(
            guardian(settings, hands, seat),
            "lockstep",
            ActorSystemSetup.create(
                BootstrapSetup.create(config).withDefaultExecutionContext(threads)));
  }

  static AgentSettings settings(io.lockstep.protocol.model.NodeId node, String address, int port) {
    return new AgentSettings(
        node,
        address,
        port,
        Path.of("/tmp"),
        Path.of("/tmp"),
        "python3",
        29_500,
        29_999,
        "scale",
        -1,
        false,
        List.of(),
        false);
  }

  private static Behavior<Void> guardian(
      AgentSettings settings, LightHands hands, Supplier<String> seat) {
    return Behaviors.setup(
        context -> {
          ActorRefResolver resolver = ActorRefResolver.get(context.getSystem());
          ActorRef<ToCoordinator> relay =
              context.spawn(
                  Behaviors.<ToCoordinator>receiveMessage(
                      report -> {
                        REPORTS.incrementAndGet();
                        ActorRef<ToCoordinator> there =
                            resolver.resolveActorRef("akka://lockstep@" + seat.get() + COORDINATOR);
                        there.tell(report);
                        return Behaviors.same();
                      }),
                  "coordinator");
          Behavior<ToAgent> agent = AgentActor.create(settings, relay, hands);
          context.spawn(Behaviors.intercept(Counting::new, agent), "agent");
          return Behaviors.empty();
        });
  }

  private static final class Counting extends BehaviorInterceptor<ToAgent, ToAgent> {
    Counting() {
      super(ToAgent.class);
    }

    @Override
    public Behavior<ToAgent> aroundReceive(
        TypedActorContext<ToAgent> context, ToAgent message, ReceiveTarget<ToAgent> target) {
      if (message instanceof AgentCommand) {
        COMMANDS.incrementAndGet();
      }
      return target.apply(context, message);
    }
  }

  void end() {
    system.terminate();
  }
}
