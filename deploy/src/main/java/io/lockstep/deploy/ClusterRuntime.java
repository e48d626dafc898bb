package io.lockstep.deploy;

import akka.Done;
import akka.actor.CoordinatedShutdown;
import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.Behavior;
import akka.actor.typed.SupervisorStrategy;
import akka.actor.typed.javadsl.Behaviors;
import akka.management.cluster.bootstrap.ClusterBootstrap;
import akka.management.javadsl.AkkaManagement;
import io.lockstep.agent.actor.AgentActor;
import io.lockstep.agent.host.AgentHost;
import io.lockstep.coordinator.actor.CoordinatorGateway;
import io.lockstep.coordinator.actor.CoordinatorSettings;
import io.lockstep.coordinator.actor.CoordinatorSingleton;
import io.lockstep.coordinator.actor.LastKnown;
import io.lockstep.coordinator.rest.RestServer;
import io.lockstep.coordinator.seat.SeatActor;
import io.lockstep.protocol.message.ToCoordinator;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The daemon's membership in the cluster. An actor system that ends without being asked to, as the
 * split-brain resolver does it, is followed by a new one in the same process.
 */
final class ClusterRuntime {
  private static final Logger LOG = LoggerFactory.getLogger(ClusterRuntime.class);
  private static final String AGENT = "agent";
  private static final String SEATS_WATCH = "seats-watch";
  private static final Duration FIRST_START_LIMIT = Duration.ofSeconds(30);
  private static final Duration BIND_LIMIT = Duration.ofSeconds(15);
  private static final Duration TERMINATE_LIMIT = Duration.ofSeconds(20);
  private static final Duration UNBIND_LIMIT = Duration.ofSeconds(1);
  private static final Duration MIN_PAUSE = Duration.ofMillis(250);
  private static final Duration MAX_PAUSE = Duration.ofSeconds(5);
  private static final Duration ROLE_INTERVAL = Duration.ofSeconds(1);
  private static final Duration STEADY_AFTER = Duration.ofSeconds(30);

  private final DaemonSettings settings;
  private final OwnAgent agent;
  private final OwnSeat seat;
  private final CompletableFuture<Done> stop = new CompletableFuture<>();
  private boolean agentKnowsSeats;

  ClusterRuntime(DaemonSettings settings, OwnAgent agent, OwnSeat seat) {
    this.settings = settings;
    this.agent = agent;
    this.seat = seat;
  }

  /** Leave the cluster politely; {@link #run} returns then. From any thread. */
  void stop() {
    stop.complete(Done.getInstance());
  }

  /**
   * Runs until asked to stop.
   *
   * @throws IOException when the first actor system cannot be started in time, or the agent cannot
   *     be opened
   */
  void run() throws IOException, InterruptedException {
    long begun = System.nanoTime();
    boolean hasRun = false;
    Duration pause = MIN_PAUSE;
    while (!stop.isDone()) {
      long started = System.nanoTime();
      try {
        DaemonSettings current = seat.known().current();
        ActorSystem<AgentHost> system = start(current);
        hasRun = true;
        if (untilEnd(system, current.seat().isPresent())) {
          pause = MIN_PAUSE;
        } else if (!stop.isDone()) {
          LOG.warn(
              "the actor system has ended without being asked to (split-brain resolver?); a new one"
                  + " follows in {} ms, running groups are not touched",
              pause.toMillis());
        }
      } catch (StartException e) {
        if (!hasRun && isOver(begun, FIRST_START_LIMIT)) {
          throw new IOException(e.getMessage(), e);
        }
        LOG.warn("cannot start yet, again in {} ms: {}", pause.toMillis(), e.getMessage());
      }
      pause = isOver(started, STEADY_AFTER) ? MIN_PAUSE : pause;
      await(stop, pause);
      pause = longer(pause);
    }
  }

  private static boolean isOver(long sinceNanos, Duration limit) {
    return System.nanoTime() - sinceNanos > limit.toNanos();
  }

  private static Duration longer(Duration pause) {
    Duration twice = pause.multipliedBy(2);
    return twice.compareTo(MAX_PAUSE) > 0 ? MAX_PAUSE : twice;
  }

  /** One attempt at an actor system failed, for a reason that may pass. */
  private static final class StartException extends Exception {
    private static final long serialVersionUID = 1;

    StartException(String message, Throwable cause) {
      super(message, cause);
    }
  }

  private ActorSystem<AgentHost> start(DaemonSettings current)
      throws StartException, IOException, InterruptedException {
    var proxy = new CompletableFuture<ActorRef<ToCoordinator>>();
    ActorSystem<AgentHost> system;
    try {
      system =
          ActorSystem.create(
              guardian(proxy, current), ClusterConfig.SYSTEM, ClusterConfig.of(current));
    } catch (RuntimeException e) {
      throw new StartException(
          "Akka cannot listen on " + settings.host() + ":" + settings.ports().akka() + why(e), e);
    }
    try {
      var gateway =
          new CoordinatorGateway(
              system,
              bound(proxy, "the guardian did not start"),
              new LastKnown(seat.host()::lastAccepted));
      bound(
          RestServer.bind(system, settings.host(), settings.ports().http(), gateway)
              .thenApply(binding -> binding.addToCoordinatedShutdown(UNBIND_LIMIT, system)),
          "the API cannot listen on " + settings.host() + ":" + settings.ports().http());
      bound(
          AkkaManagement.get(system).start(),
          "Akka Management cannot listen on "
              + settings.host()
              + ":"
              + settings.ports().management());
      ClusterBootstrap.get(system).start();
      system.tell(agentHost());
    } catch (StartException | IOException | InterruptedException | RuntimeException e) {
      system.terminate();
      await(system.getWhenTerminated(), TERMINATE_LIMIT);
      throw e;
    }
    LOG.info(
        "node={} listens on {}: akka {}, management {}, api http://{}:{}; seats {}",
        settings.node(),
        settings.host(),
        settings.ports().akka(),
        settings.ports().management(),
        settings.host(),
        settings.ports().http(),
        current.seats());
    return system;
  }

  private AgentHost agentHost() throws IOException, InterruptedException {
    AgentHost host = agent.await();
    if (!agentKnowsSeats) {
      seat.known().follow(seats -> host.renewAt(settings.withSeats(seats).doors()));
      agentKnowsSeats = true;
    }
    return host;
  }

  /** Waits for the agent, which may still look at its host; nothing else here does. */
  private Behavior<AgentHost> guardian(
      CompletableFuture<ActorRef<ToCoordinator>> started, DaemonSettings current) {
    return Behaviors.setup(
        context -> {
          context.spawn(restarting(SeatActor.create(seat.host())), SeatActor.NAME);
          String seats = CoordinatorSingleton.DATA_CENTER;
          context.spawn(
              current.seat().isEmpty()
                  ? SeatsWatch.ofAgent(seats)
                  : SeatsWatch.ofSeat(seats, current.majority()),
              SEATS_WATCH);
          ActorRef<ToCoordinator> proxy =
              CoordinatorSingleton.init(context.getSystem(), coordinatorSettings(current));
          started.complete(proxy);
          return Behaviors.receiveMessage(
              host -> {
                context.spawn(restarting(AgentActor.create(settings.agent(), proxy, host)), AGENT);
                return Behaviors.empty();
              });
        });
  }

  private static <T> Behavior<T> restarting(Behavior<T> behavior) {
    return Behaviors.supervise(behavior)
        .onFailure(SupervisorStrategy.restartWithBackoff(MIN_PAUSE, MAX_PAUSE, 0.1));
  }

  private CoordinatorSettings coordinatorSettings(DaemonSettings current) {
    return new CoordinatorSettings(
        current.seats().stream().map(Seat::id).toList(),
        settings.node().value(),
        settings.version(),
        settings.nodeSilentAfter(),
        settings.nodeSuspectAfter(),
        settings.quarantine(),
        settings.rules().set(),
        () -> seat.known().seats().stream().map(Seat::id).toList());
  }

  /**
   * Returns when the system is gone, whoever ended it; true when this daemon became a seat, or is
   * none any more, and so takes another role in the cluster.
   */
  private boolean untilEnd(ActorSystem<?> system, boolean isSeat) throws InterruptedException {
    CompletableFuture<Done> ended = system.getWhenTerminated().toCompletableFuture();
    CompletableFuture<Object> over = CompletableFuture.anyOf(ended, stop);
    boolean turns = false;
    while (!turns && !await(over, ROLE_INTERVAL)) {
      turns = seat.known().current().seat().isPresent() != isSeat;
    }
    if (ended.isCompletedExceptionally()) {
      LOG.warn("the actor system ended with a failure");
    }
    if (!ended.isDone()) {
      LOG.info(
          "node={} leaves the cluster{}; running groups stay",
          settings.node(),
          turns ? isSeat ? " and comes back as no seat" : " and comes back as a seat" : "");
      CompletionStage<Done> left =
          CoordinatedShutdown.get(system).runAll(CoordinatedShutdown.jvmExitReason());
      if (!await(left, TERMINATE_LIMIT)) {
        LOG.warn("leaving the cluster took more than {} s", TERMINATE_LIMIT.toSeconds());
      }
    }
    return turns;
  }

  private static <T> T bound(CompletionStage<T> stage, String failure)
      throws StartException, InterruptedException {
    try {
      return stage.toCompletableFuture().get(BIND_LIMIT.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new StartException(failure + why(cause), cause);
    } catch (TimeoutException e) {
      throw new StartException(failure + " within " + BIND_LIMIT.toSeconds() + " s", e);
    }
  }

  private static String why(Throwable problem) {
    Throwable root = problem;
    while (root.getCause() != null && root.getCause() != root) {
      root = root.getCause();
    }
    return ": " + (root.getMessage() == null ? root.toString() : root.getMessage());
  }

  /** Whether it completed in time, in whatever way. */
  private static boolean await(CompletionStage<?> stage, Duration limit)
      throws InterruptedException {
    try {
      stage.toCompletableFuture().get(limit.toMillis(), TimeUnit.MILLISECONDS);
      return true;
    } catch (ExecutionException e) {
      return true;
    } catch (TimeoutException e) {
      return false;
    }
  }
}
