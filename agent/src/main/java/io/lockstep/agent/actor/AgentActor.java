package io.lockstep.agent.actor;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.PostStop;
import akka.actor.typed.javadsl.AbstractBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.Receive;
import akka.actor.typed.javadsl.TimerScheduler;
import io.lockstep.agent.core.AgentState;
import io.lockstep.agent.core.Founding;
import io.lockstep.agent.core.GroupAction;
import io.lockstep.agent.core.GroupDecision;
import io.lockstep.agent.core.GroupInput;
import io.lockstep.agent.core.GroupMachine;
import io.lockstep.agent.core.GroupReport;
import io.lockstep.agent.core.StartOrder;
import io.lockstep.agent.core.WorkerGroup;
import io.lockstep.agent.host.AgentHands;
import io.lockstep.agent.host.AgentSettings;
import io.lockstep.protocol.message.AgentCommand;
import io.lockstep.protocol.message.AgentQuery;
import io.lockstep.protocol.message.AgentReport;
import io.lockstep.protocol.message.ToAgent;
import io.lockstep.protocol.message.ToCoordinator;
import io.lockstep.protocol.model.GroupStatus;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The node's shell: every message becomes an input, is decided, stored, and only then acted on; but
 * what only ends things, or says what was seen, does not wait for the disk.
 */
public final class AgentActor extends AbstractBehavior<ToAgent> {
  private static final GroupInput TICK_INPUT = new GroupInput.Tick();
  private static final Logger LOG = LoggerFactory.getLogger(AgentActor.class);
  private static final Duration TICK = Duration.ofSeconds(1);
  private static final Duration STORE_AGAIN_AFTER = Duration.ofSeconds(1);
  private static final int MAX_WAITING_COMMANDS = 1_000;

  private final AgentSettings settings;
  private final ActorRef<ToCoordinator> coordinator;
  private final AgentHands host;
  private final TimerScheduler<ToAgent> timers;
  private final GroupMachine machine = new GroupMachine();
  private final Consumer<GroupInput> fromHost;
  private final ArrayDeque<GroupInput> waiting = new ArrayDeque<>();
  private final Instant startedAt = Instant.now();
  private final long startedNanos = System.nanoTime();
  private AgentState state;
  private Optional<GroupDecision> storing = Optional.empty();
  private Optional<Reason> trouble = Optional.empty();
  private String lastLogged = "";
  private String lastRefusal = "";

  private sealed interface Private extends ToAgent {}

  private record Input(GroupInput input) implements Private {}

  private record Tick() implements Private {}

  private record Stored(GroupDecision decision) implements Private {}

  private record NotStored(GroupDecision decision, Throwable why) implements Private {}

  private record StoreAgain(GroupDecision decision) implements Private {}

  /** One per actor system; a later one takes over the host from an earlier one. */
  public static Behavior<ToAgent> create(
      AgentSettings settings, ActorRef<ToCoordinator> coordinatorProxy, AgentHands host) {
    return Behaviors.setup(
        context ->
            Behaviors.withTimers(
                timers -> new AgentActor(context, timers, settings, coordinatorProxy, host)));
  }

  private AgentActor(
      ActorContext<ToAgent> context,
      TimerScheduler<ToAgent> timers,
      AgentSettings settings,
      ActorRef<ToCoordinator> coordinator,
      AgentHands host) {
    super(context);
    this.settings = settings;
    this.coordinator = coordinator;
    this.host = host;
    this.timers = timers;
    this.state = host.stored();
    ActorRef<ToAgent> self = context.getSelf();
    this.fromHost = input -> self.tell(new Input(input));
    host.attach(fromHost);
    timers.startTimerAtFixedRate(new Tick(), TICK);
    apply(new GroupInput.ShellStarted());
  }

  @Override
  public Receive<ToAgent> createReceive() {
    return newReceiveBuilder()
        .onMessage(AgentCommand.class, this::onCommand)
        .onMessage(AgentQuery.ReadLog.class, this::onReadLog)
        .onMessage(AgentQuery.Examine.class, this::onExamine)
        .onMessage(AgentQuery.Meet.class, this::onMeet)
        .onMessage(AgentQuery.OfferPort.class, this::onOfferPort)
        .onMessage(AgentQuery.Pair.class, this::onPair)
        .onMessage(Input.class, m -> apply(m.input()))
        .onMessage(Tick.class, m -> onTick())
        .onMessage(Stored.class, m -> onStored(m.decision()))
        .onMessage(NotStored.class, m -> onNotStored(m.decision(), m.why()))
        .onMessage(StoreAgain.class, m -> store(m.decision()))
        .onSignal(PostStop.class, signal -> onPostStop())
        .build();
  }

  private Behavior<ToAgent> onCommand(AgentCommand command) {
    if (command instanceof AgentCommand.NotAdmitted not) {
      return onNotAdmitted(not.reason());
    }
    if (storing.isPresent() && waiting.size() >= MAX_WAITING_COMMANDS) {
      LOG.warn("dropped, as the disk is slow and the coordinator repeats itself: {}", command);
      return this;
    }
    return apply(new GroupInput.OfFounding(command.founding(), inputOf(command)));
  }

  /** Said again each second as long as it is so; logged when it changes. */
  private Behavior<ToAgent> onNotAdmitted(Reason why) {
    if (!why.toString().equals(lastRefusal)) {
      lastRefusal = why.toString();
      LOG.error("node={} is not admitted: {}", settings.node(), why);
    }
    return this;
  }

  private static GroupInput.Command inputOf(AgentCommand command) {
    if (command instanceof AgentCommand.Prepare prepare) {
      return new GroupInput.Prepare(prepare.term(), prepare.launch());
    }
    if (command instanceof AgentCommand.Start start) {
      return new GroupInput.Start(
          start.term(),
          start.fence(),
          new StartOrder(start.masterPort(), start.resume(), start.moveAside()));
    }
    if (command instanceof AgentCommand.Stop stop) {
      return new GroupInput.Stop(
          stop.term(),
          stop.fence(),
          stop.grace(),
          stop.agentDisk(),
          stop.reason(),
          stop.saveWithin());
    }
    if (command instanceof AgentCommand.Convert convert) {
      return new GroupInput.Convert(convert.term(), convert.fence(), convert.checkpoint());
    }
    if (command instanceof AgentCommand.Acknowledge heard) {
      return new GroupInput.Acknowledge(
          heard.term(), heard.fence(), GroupReport.Kind.valueOf(heard.kind().name()));
    }
    if (command instanceof AgentCommand.TakeStacks take) {
      return new GroupInput.TakeStacks(take.term(), take.fence());
    }
    if (command instanceof AgentCommand.StandBy standBy) {
      return new GroupInput.StandBy(standBy.term(), standBy.order(), standBy.reason());
    }
    if (command instanceof AgentCommand.SayHello hello) {
      return new GroupInput.SayHello(hello.term());
    }
    throw new IllegalArgumentException("a command without an input: " + command);
  }

  private Behavior<ToAgent> onReadLog(AgentQuery.ReadLog ask) {
    var unused = host.readLog(ask).thenAccept(ask.replyTo()::tell);
    return this;
  }

  private Behavior<ToAgent> onExamine(AgentQuery.Examine ask) {
    var unused = host.examine(ask).thenAccept(ask.replyTo()::tell);
    return this;
  }

  private Behavior<ToAgent> onMeet(AgentQuery.Meet ask) {
    var unused = host.meet(ask).thenAccept(ask.replyTo()::tell);
    return this;
  }

  private Behavior<ToAgent> onOfferPort(AgentQuery.OfferPort ask) {
    var unused = host.offerPort().thenAccept(ask.replyTo()::tell);
    return this;
  }

  private Behavior<ToAgent> onPair(AgentQuery.Pair ask) {
    var unused =
        host.pair(ask, state.current().map(WorkerGroup::fence)).thenAccept(ask.replyTo()::tell);
    return this;
  }

  private Behavior<ToAgent> onTick() {
    heartbeat();
    state.outstanding().forEach(this::report);
    // One waits for a slow disk, and none is left out: a coordinator that repeats itself each
    // second
    // may keep the disk busy at every one.
    return waiting.contains(TICK_INPUT) ? this : apply(TICK_INPUT);
  }

  private void heartbeat() {
    coordinator.tell(
        new AgentReport.Heartbeat(
            settings.node(),
            getContext().getSelf(),
            state.disk(),
            currentStatus(),
            founding(),
            trouble.or(host::trouble),
            host.warmPool()));
  }

  private Optional<String> founding() {
    return state.founding().map(Founding::id);
  }

  private Optional<GroupStatus> currentStatus() {
    return state.current().map(this::status).or(state::lastUnheard);
  }

  private GroupStatus status(WorkerGroup group) {
    return group
        .status(
            host.progress(group.fence()), host.lastCheckpoint(group), host.activity(group.fence()))
        .converting(host.conversion(group.fence()))
        .started(host.startLengths(group.fence()));
  }

  /** Inputs wait in order while a decision is on its way to the disk. */
  private Behavior<ToAgent> apply(GroupInput input) {
    waiting.add(input);
    decideWaiting();
    return this;
  }

  private void decideWaiting() {
    while (storing.isEmpty() && !waiting.isEmpty()) {
      GroupInput input = waiting.remove();
      GroupDecision decision = machine.decide(state, input, now());
      log(input, decision.reason());
      if (decision.state().equals(state)) {
        perform(decision.actions());
      } else {
        storing = Optional.of(decision);
        perform(decision.beforeStored());
        store(decision);
      }
    }
  }

  private Behavior<ToAgent> store(GroupDecision decision) {
    getContext()
        .pipeToSelf(
            host.store(decision.state()),
            (stored, why) -> why == null ? new Stored(decision) : new NotStored(decision, why));
    return this;
  }

  private Behavior<ToAgent> onStored(GroupDecision decision) {
    state = decision.state();
    storing = Optional.empty();
    if (trouble.isPresent()) {
      LOG.info("node={} can store its memory again", settings.node());
      trouble = Optional.empty();
    }
    perform(decision.afterStored());
    decideWaiting();
    return this;
  }

  /**
   * Ending things is always safe, so a full disk does not keep a group running; nor does it keep
   * the job from hearing that its group ended, after it was said that nothing new can start here.
   */
  private Behavior<ToAgent> onNotStored(GroupDecision decision, Throwable why) {
    LOG.warn("node={} cannot store its memory, trying again: {}", settings.node(), why.toString());
    if (trouble.isEmpty()) {
      trouble =
          Optional.of(
              Reason.of(
                  ReasonCode.DISK_FULL,
                  "%s cannot write %s (%s); free space or make it writable, it goes on by itself",
                  settings.node(),
                  settings.dataDir(),
                  why));
      heartbeat();
    }
    decision.actions().stream().filter(GroupAction::onlyEnds).forEach(host::perform);
    decision.actions().stream()
        .filter(GroupAction::onlySaysWhatWasSeen)
        .forEach(action -> report(((GroupAction.Tell) action).report()));
    timers.startSingleTimer(new StoreAgain(decision), STORE_AGAIN_AFTER);
    return this;
  }

  private void perform(List<GroupAction> actions) {
    for (GroupAction action : actions) {
      if (action instanceof GroupAction.Tell tell) {
        report(tell.report());
      } else if (action instanceof GroupAction.SayHello) {
        hello();
      } else {
        host.perform(action);
      }
    }
  }

  private void hello() {
    var groups = new ArrayList<GroupStatus>();
    state.closed().stream().filter(c -> !c.heard()).forEach(c -> groups.add(c.status()));
    state.current().map(this::status).ifPresent(groups::add);
    coordinator.tell(
        new AgentReport.Hello(
            settings.node(),
            getContext().getSelf(),
            state.disk(),
            host.inventory(),
            groups,
            founding()));
  }

  private void report(GroupReport report) {
    coordinator.tell(messageOf(report));
  }

  private AgentReport messageOf(GroupReport report) {
    if (report instanceof GroupReport.Prepared prepared) {
      return new AgentReport.Prepared(
          settings.node(),
          prepared.fence(),
          prepared.readiness().masterPort(),
          prepared.readiness().zeroSha256(),
          prepared.readiness().scriptSha256(),
          prepared.readiness().checkpoints(),
          prepared.readiness().readings(),
          Optional.of(host.inventory().bootId()));
    }
    if (report instanceof GroupReport.PrepareRejected rejected) {
      return new AgentReport.PrepareRejected(settings.node(), rejected.fence(), rejected.reason());
    }
    if (report instanceof GroupReport.Started started) {
      return new AgentReport.Started(
          settings.node(), started.fence(), started.workers(), host.startOf(started.fence()));
    }
    if (report instanceof GroupReport.Exited exited) {
      return new AgentReport.Exited(
          settings.node(), exited.fence(), exited.report(), Optional.of(wallClock()));
    }
    if (report instanceof GroupReport.Unknown unknown) {
      return new AgentReport.Unknown(settings.node(), unknown.fence());
    }
    throw new IllegalArgumentException("a report without a message: " + report);
  }

  private Behavior<ToAgent> onPostStop() {
    host.detach(fromHost);
    return this;
  }

  /** Wall time that no clock step moves while this actor lives. */
  private Instant now() {
    return startedAt.plusNanos(System.nanoTime() - startedNanos);
  }

  /** As the shim's: a report's times are compared with it, so a step of the clock must show. */
  private static Instant wallClock() {
    return Instant.now();
  }

  /** Once where it is decided; a reason that repeats is said once. */
  private void log(GroupInput input, Reason reason) {
    Object what = input instanceof GroupInput.OfFounding o ? o.command() : input;
    String said = what.getClass().getSimpleName() + ": " + reason;
    if (input instanceof GroupInput.Tick || said.equals(lastLogged)) {
      LOG.debug("node={} {}", settings.node(), said);
      return;
    }
    lastLogged = said;
    LOG.info("node={} {}", settings.node(), said);
  }
}
