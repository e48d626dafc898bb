package io.lockstep.coordinator.actor;

import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorRefResolver;
import akka.actor.typed.Behavior;
import akka.actor.typed.javadsl.AbstractBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.Receive;
import akka.actor.typed.javadsl.TimerScheduler;
import io.lockstep.coordinator.core.Causes;
import io.lockstep.coordinator.core.ClusterAction;
import io.lockstep.coordinator.core.ClusterEvent;
import io.lockstep.coordinator.core.ClusterInput;
import io.lockstep.coordinator.core.ClusterMachine;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.coordinator.core.Decision;
import io.lockstep.coordinator.core.Standbys;
import io.lockstep.coordinator.seat.FoundingId;
import io.lockstep.coordinator.seat.Membership;
import io.lockstep.coordinator.seat.QuorumDriver;
import io.lockstep.coordinator.seat.QuorumOutcome;
import io.lockstep.coordinator.seat.SeatActor;
import io.lockstep.coordinator.seat.SeatChange;
import io.lockstep.coordinator.seat.SeatCommand;
import io.lockstep.coordinator.seat.SeatId;
import io.lockstep.coordinator.seat.SeatLimits;
import io.lockstep.coordinator.seat.SeatReply;
import io.lockstep.coordinator.seat.ToSeat;
import io.lockstep.protocol.message.AgentCommand;
import io.lockstep.protocol.message.AgentReport;
import io.lockstep.protocol.message.ToAgent;
import io.lockstep.protocol.message.ToCoordinator;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.GroupStatus;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import io.lockstep.protocol.model.Term;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Carries inputs to the machine, its events to the seats, and after that its actions out. */
final class CoordinatorActor extends AbstractBehavior<ToCoordinator> {
  /** Inputs that wait while an append is under way; what comes beyond is refused or repeated. */
  static final int MAX_WAITING_INPUTS = 10_000;

  private static final Duration TICK = Duration.ofSeconds(1);

  /** How often leases are looked at; seats are asked as often. */
  private static final Duration LEASES = SeatLimits.PROBE_INTERVAL;

  private static final Logger log = LoggerFactory.getLogger(CoordinatorActor.class);

  private enum Beat implements ToCoordinator {
    QUORUM,
    MACHINE,
    LEASES
  }

  private record FromSeat(SeatReply reply) implements ToCoordinator {}

  /** What came of a pair check at the end of a quarantine. */
  private record Checked(ClusterInput.PairsChecked said) implements ToCoordinator {}

  /** An input with what to do when its decision is stored. */
  private record Waiting(ClusterInput input, Consumer<Decision> then, Runnable lost) {}

  /** A decision, and what it was made for. */
  private record Made(Waiting waiting, Decision decision) {}

  /**
   * Decisions whose events are on their way to the seats, in order and in one write; each was made
   * on what those before it make true.
   *
   * @param then the state when they are stored
   */
  private record InFlight(List<Made> made, ClusterState then, Term term) {
    InFlight {
      made = List.copyOf(made);
    }

    boolean forgets() {
      return made.stream().anyMatch(m -> m.waiting().input() instanceof ClusterInput.StateLarge);
    }

    void lose() {
      made.forEach(m -> m.waiting().lost().run());
    }
  }

  /** After so long without a beat of its own this coordinator was frozen, not its agents. */
  private static final Duration FROZEN = TICK.multipliedBy(2);

  private final ReignClock clock = new ReignClock();
  private final CoordinatorSettings settings;
  private final ClusterMachine machine;
  private final StateCodec codec = new StateCodec();
  private final QuorumDriver quorum;
  private final Map<SeatId, ActorRef<SeatCommand>> seats = new HashMap<>();
  private final Function<SeatId, ActorRef<SeatCommand>> seatAt;
  private final ActorRef<SeatReply> seatReplies;
  private final LeaseWatch leases = new LeaseWatch();
  private final SeatChanges seatChanges = new SeatChanges();
  private final GateChecks gate;
  private final Queue<Waiting> waiting = new ArrayDeque<>();
  private Optional<InFlight> inFlight = Optional.empty();
  private Optional<ClusterState> state = Optional.empty();
  private AgentDirectory agents;
  private Instant lastBeat;
  private Instant ledSince = Instant.EPOCH;
  private Reason notLeading = Reason.of(ReasonCode.NO_QUORUM, "asks the seats for their promises");

  static Behavior<ToCoordinator> create(CoordinatorSettings settings) {
    return Behaviors.setup(
        context -> Behaviors.withTimers(timers -> new CoordinatorActor(context, timers, settings)));
  }

  private CoordinatorActor(
      ActorContext<ToCoordinator> context,
      TimerScheduler<ToCoordinator> timers,
      CoordinatorSettings settings) {
    super(context);
    this.settings = settings;
    this.machine =
        new ClusterMachine(
            settings.nodeSuspectAfter(),
            Requests::zeroProblems,
            settings.quarantine(),
            settings.rules());
    ActorRef<ToCoordinator> self = context.getSelf();
    this.gate = new GateChecks(context.getSystem(), said -> self.tell(new Checked(said)));
    this.agents = new AgentDirectory(now());
    this.lastBeat = now();
    var resolver = ActorRefResolver.get(context.getSystem());
    String system = context.getSystem().name();
    this.seatAt =
        seat ->
            resolver.resolveActorRef(
                "akka://" + system + "@" + seat.address() + "/user/" + SeatActor.NAME);
    this.seatReplies = context.messageAdapter(SeatReply.class, FromSeat::new);
    this.quorum =
        new QuorumDriver(
            settings.seats(),
            UUID.randomUUID().toString(),
            new FoundingId(UUID.randomUUID().toString()),
            new Random());
    timers.startTimerWithFixedDelay(Beat.QUORUM, SeatLimits.TICK);
    timers.startTimerWithFixedDelay(Beat.MACHINE, TICK);
    timers.startTimerWithFixedDelay(Beat.LEASES, LEASES);
    carry(quorum.begin(now()));
  }

  Instant now() {
    return clock.now();
  }

  @Override
  public Receive<ToCoordinator> createReceive() {
    return newReceiveBuilder()
        .onMessage(FromSeat.class, this::onSeat)
        .onMessage(Beat.class, this::onBeat)
        .onMessage(AgentReport.class, this::onReport)
        .onMessage(Checked.class, this::onChecked)
        .onMessage(CoordinatorRequest.class, this::onRequest)
        .build();
  }

  // quorum

  private Behavior<ToCoordinator> onSeat(FromSeat message) {
    leases.saw(message.reply(), quorum, now());
    carry(quorum.receive(message.reply(), now()));
    return this;
  }

  private Behavior<ToCoordinator> onBeat(Beat beat) {
    if (beat == Beat.QUORUM) {
      carry(quorum.alsoAsk(Set.copyOf(settings.known().get()), now()));
      carry(quorum.tick(now()));
    } else if (beat == Beat.LEASES) {
      input(new ClusterInput.LeasesSeen(leases.report(quorum)));
      lookAtSeatChanges();
    } else if (state.isPresent()) {
      Duration sinceLastBeat = Duration.between(lastBeat, now());
      if (sinceLastBeat.compareTo(FROZEN) > 0) {
        agents.countSilenceFrom(now());
        input(new ClusterInput.StoodStill(sinceLastBeat));
      }
      lastBeat = now();
      Duration limit = settings.nodeSilentAfter();
      for (var node : agents.silent(state.get().nodes().keySet(), limit, now())) {
        if (state.get().node(node).filter(n -> !n.lost()).isPresent()) {
          input(
              new ClusterInput.NodeSilent(
                  node, agents.silence(node, now()), leases.report(quorum)));
        }
      }
      ActivityWatch.inputs(state.get(), node -> agents.freshGroup(node, now()))
          .forEach(this::input);
      input(new ClusterInput.Tick());
    }
    return this;
  }

  private void carry(QuorumDriver.Step step) {
    for (ToSeat message : step.send()) {
      seats
          .computeIfAbsent(message.seat(), seatAt)
          .tell(SeatCommand.of(message.request(), seatReplies));
    }
    step.outcomes().forEach(this::onOutcome);
    next();
  }

  private void onOutcome(QuorumOutcome outcome) {
    if (outcome instanceof QuorumOutcome.BecameLeader leader) {
      log.info("coordinates in term {} from {}", leader.term(), leader.state());
      agents = new AgentDirectory(now());
      leases.clear();
      lastBeat = now();
      ledSince = lastBeat;
      state = Optional.of(codec.read(leader.state()));
      input(new ClusterInput.TookOver());
    } else if (outcome instanceof QuorumOutcome.Appended) {
      InFlight stored = inFlight.orElseThrow();
      inFlight = Optional.empty();
      apply(stored);
    } else if (outcome instanceof QuorumOutcome.AppendRefused refused) {
      log.warn("not stored: {}", refused.reason());
      inFlight.ifPresent(InFlight::lose);
      boolean forgets = inFlight.filter(InFlight::forgets).isPresent();
      inFlight = Optional.empty();
      if (!forgets) {
        state.ifPresent(this::compact);
      }
    } else if (outcome instanceof QuorumOutcome.CompactionRefused refused) {
      log.error("the state cannot be made smaller: {}", refused.reason());
    } else if (outcome instanceof QuorumOutcome.SteppedDown down) {
      log.warn("steps down: {}", down.reason());
      forget(down.reason());
    } else if (outcome instanceof QuorumOutcome.Waiting not) {
      log.info("does not coordinate: {}", not.reason());
      notLeading = not.reason();
    } else {
      log.warn("seats: {}", outcome);
      if (outcome instanceof QuorumOutcome.MembershipChanged changed) {
        seatChanges.changed(changed.membership());
      } else if (outcome instanceof QuorumOutcome.SeatTrouble trouble) {
        seatChanges.trouble(trouble.seat(), trouble.what());
      }
    }
  }

  // who is a seat

  void changeSeats(SeatChange change, ActorRef<CoordinatorAnswer> replyTo) {
    seatChanges.begin(change, replyTo::tell, quorum, now()).ifPresent(this::carry);
    lookAtSeatChanges();
  }

  /** Only between two decisions: none may wait to be stored while the leases are looked at. */
  private void lookAtSeatChanges() {
    if (state.isPresent() && inFlight.isEmpty()) {
      seatChanges.look(quorum, state.get(), leases, now()).ifPresent(this::carry);
    }
  }

  Optional<Membership> membership() {
    return quorum.membership();
  }

  LeaseWatch leases() {
    return leases;
  }

  private void forget(Reason why) {
    seatChanges.forget(why);
    notLeading = why;
    state = Optional.empty();
    inFlight.ifPresent(InFlight::lose);
    inFlight = Optional.empty();
    waiting.forEach(w -> w.lost().run());
    waiting.clear();
  }

  // inputs, in their order

  private void input(ClusterInput input) {
    input(input, decision -> {}, () -> {});
  }

  private void input(ClusterInput input, Consumer<Decision> then, Runnable lost) {
    if (state.isEmpty() || waiting.size() >= MAX_WAITING_INPUTS) {
      lost.run();
      return;
    }
    waiting.add(new Waiting(input, then, lost));
    next();
  }

  /**
   * What waits is decided together and stored in one write, as far as it may be: a thousand nodes
   * that are prepared at once must not cost a thousand writes. Nothing is done about any of it
   * before all of it is stored.
   */
  private void next() {
    while (state.isPresent() && inFlight.isEmpty() && !waiting.isEmpty() && quorum.canAppend()) {
      Term term = quorum.term().orElseThrow();
      ClusterState then = state.get();
      var made = new ArrayList<Made>();
      var events = new ArrayList<byte[]>();
      int bytes = 0;
      while (!waiting.isEmpty() && mayJoin(waiting.element(), made, events.size(), bytes)) {
        Waiting first = waiting.remove();
        var decided = new Made(first, machine.decide(then, first.input(), now()));
        if (events.isEmpty() && decided.decision().events().isEmpty()) {
          act(decided, term);
          continue;
        }
        made.add(decided);
        for (ClusterEvent event : decided.decision().events()) {
          byte[] written = codec.write(event);
          events.add(written);
          bytes += written.length;
        }
        then = decided.decision().after(then);
      }
      if (!made.isEmpty()) {
        inFlight = Optional.of(new InFlight(made, then, term));
        carry(quorum.append(events, now()));
      }
    }
  }

  /** What makes room goes alone: it must not be refused for the size of others. */
  private static boolean mayJoin(Waiting next, List<Made> made, int events, int bytes) {
    return made.isEmpty()
        || (events < SeatLimits.MAX_WRITE_EVENTS
            && bytes < SeatLimits.MAX_WRITE_BYTES
            && !(next.input() instanceof ClusterInput.StateLarge)
            && !(made.get(0).waiting().input() instanceof ClusterInput.StateLarge));
  }

  private void apply(InFlight stored) {
    long version = state.orElseThrow().version();
    for (Made made : stored.made()) {
      for (ClusterEvent event : made.decision().events()) {
        version++;
        tell(event, version);
      }
    }
    state = Optional.of(stored.then());
    stored.made().forEach(made -> act(made, stored.term()));
    if (quorum.wantsCompaction() || stored.forgets()) {
      compact(stored.then());
    }
  }

  /**
   * The seats keep the state itself for the events so far; what is past goes before they are full.
   */
  private void compact(ClusterState known) {
    byte[] snapshot = codec.writeSnapshot(known);
    carry(quorum.compact(known.version(), snapshot, now()));
    if (snapshot.length > SeatLimits.FORGET_ABOVE_BYTES) {
      input(
          new ClusterInput.StateLarge(snapshot.length, SeatLimits.FORGET_ABOVE_BYTES),
          decision -> {
            if (decision.events().isEmpty()) {
              log.warn("{}", decision.reason());
            }
          },
          () -> {});
    }
  }

  private void act(Made made, Term term) {
    var runner = new ActionRunner(agents, founding());
    for (ClusterAction action : made.decision().actions()) {
      if (action instanceof ClusterAction.CheckPairs check) {
        state.ifPresent(now -> gate.begin(check, now, agents));
      } else {
        runner.run(action, term);
      }
    }
    made.waiting().then().accept(made.decision());
  }

  private static void tell(ClusterEvent event, long version) {
    log.info(
        "version={}{}{}{} {} {}",
        version,
        event.job().map(j -> " job=" + j).orElse(""),
        event.attempt().map(a -> " attempt=" + a).orElse(""),
        event.node().map(n -> " node=" + n).orElse(""),
        event.getClass().getSimpleName(),
        event.reason());
  }

  // agents

  private Behavior<ToCoordinator> onReport(AgentReport report) {
    if (state.isPresent()) {
      carryReport(report);
    }
    return this;
  }

  private void carryReport(AgentReport report) {
    if (report instanceof AgentReport.Hello hello) {
      if (isOfAnotherFounding(hello.founding())) {
        askForHello(hello.agent());
        return;
      }
      if (isTaken(hello.node(), hello.agent())) {
        return;
      }
      agents.greeted(hello.node(), hello.agent(), hello.disk(), now());
      input(
          new ClusterInput.NodeHello(hello.node(), hello.disk(), hello.inventory(), hello.groups()),
          decision -> {
            if (decision.refused()) {
              refuse(hello.agent(), decision.reason());
            }
          },
          () -> {});
    } else if (report instanceof AgentReport.Heartbeat beat) {
      onHeartbeat(beat);
    } else if (report instanceof AgentReport.Prepared p) {
      input(
          new ClusterInput.NodePrepared(
              p.node(),
              p.fence(),
              new io.lockstep.coordinator.core.PreparedNode(
                  p.masterPort(),
                  p.zeroSha256(),
                  p.scriptSha256(),
                  p.checkpoints(),
                  p.readings(),
                  p.bootId())));
    } else if (report instanceof AgentReport.PrepareRejected r) {
      input(new ClusterInput.NodeRejected(r.node(), r.fence(), r.reason()));
    } else if (report instanceof AgentReport.Started s) {
      input(new ClusterInput.NodeStarted(s.node(), s.fence(), s.how()));
    } else if (report instanceof AgentReport.Exited e) {
      input(
          new ClusterInput.NodeExited(
              e.node(), e.fence(), e.report(), Causes.failedAt(e.report(), e.sentAt(), now())));
    } else if (report instanceof AgentReport.Unknown u) {
      input(new ClusterInput.NodeKnowsNothing(u.node(), u.fence()));
    } else {
      log.warn("a report that this release does not know: {}", report);
    }
  }

  private Optional<String> founding() {
    return quorum.founding().map(FoundingId::text);
  }

  /**
   * Its fences are of another cluster's: it begins a new memory when it hears a command of ours.
   */
  private boolean isOfAnotherFounding(Optional<String> said) {
    return said.isPresent() && !said.equals(founding());
  }

  /** Two daemons with one node id would be the node by turns: the first one heard is it. */
  private boolean isTaken(NodeId node, ActorRef<ToAgent> agent) {
    Optional<String> other = agents.takenBy(node, agent, now());
    other.ifPresent(
        address ->
            refuse(
                agent,
                Reason.of(
                    ReasonCode.NODE_ID_TAKEN,
                    "the node id %s is taken by the daemon at %s (%s); give this daemon a node.id"
                        + " of its own, or stop the other one",
                    node,
                    address,
                    state
                        .flatMap(s -> s.node(node))
                        .map(n -> n.inventory().address())
                        .orElse("joining"))));
    return other.isPresent();
  }

  private void refuse(ActorRef<ToAgent> agent, Reason why) {
    agent.tell(new AgentCommand.NotAdmitted(quorum.term().orElse(Term.NONE), founding(), why));
  }

  private void askForHello(ActorRef<ToAgent> agent) {
    agent.tell(new AgentCommand.SayHello(quorum.term().orElse(Term.NONE), founding()));
  }

  private ClusterInput stepSeen(Fence fence, long step) {
    return new ClusterInput.StepSeen(
        fence,
        step,
        state
            .flatMap(s -> s.job(fence.job()))
            .flatMap(
                job -> ActivityWatch.startLengths(job, node -> agents.freshGroup(node, now()))));
  }

  private void onHeartbeat(AgentReport.Heartbeat beat) {
    if (isOfAnotherFounding(beat.founding())) {
      askForHello(beat.agent());
      return;
    }
    if (isTaken(beat.node(), beat.agent())) {
      return;
    }
    boolean unknown =
        agents.heard(beat.node(), beat.agent(), beat.disk(), beat.group(), beat.warm(), now())
            || state.flatMap(s -> s.node(beat.node())).filter(n -> !n.lost()).isEmpty()
            || holdsAStranger(beat.node(), beat.group());
    if (unknown) {
      askForHello(beat.agent());
    }
    if (state.filter(s -> s.awaits(beat.node())).isPresent()) {
      input(new ClusterInput.NodeHeard(beat.node()));
    }
    state
        .flatMap(s -> s.node(beat.node()))
        .filter(n -> n.trouble().isPresent() != beat.trouble().isPresent())
        .ifPresent(n -> input(new ClusterInput.NodeTrouble(beat.node(), beat.trouble())));
    if (state.flatMap(s -> Standbys.order(s, beat.node(), beat.warm(), now())).isPresent()) {
      input(new ClusterInput.WarmSeen(beat.node(), beat.warm()));
    }
    beat.group()
        .filter(
            g ->
                g.progress()
                    .filter(p -> state.filter(s -> s.awaitsStep(g.fence(), p.step())).isPresent())
                    .isPresent())
        .ifPresent(g -> input(stepSeen(g.fence(), g.progress().orElseThrow().step())));
    beat.group()
        .filter(g -> g.lastCheckpoint().isPresent())
        .filter(
            g ->
                state
                    .flatMap(s -> s.job(g.fence().job()))
                    .filter(j -> !j.lastCheckpoint().equals(g.lastCheckpoint()))
                    .isPresent())
        .ifPresent(
            g ->
                input(
                    new ClusterInput.CheckpointSeen(g.fence(), g.lastCheckpoint().orElseThrow())));
  }

  /** The Stop that its Hello was answered with may have been lost. */
  private boolean holdsAStranger(NodeId node, Optional<GroupStatus> group) {
    return group
        .filter(g -> g.exit().isEmpty())
        .filter(g -> state.filter(s -> s.isStranger(node, g.fence())).isPresent())
        .isPresent();
  }

  private Behavior<ToCoordinator> onChecked(Checked checked) {
    input(checked.said());
    return this;
  }

  // requests

  private Behavior<ToCoordinator> onRequest(CoordinatorRequest request) {
    Optional<Reason> alone = standsAlone();
    if (state.isEmpty() || alone.isPresent()) {
      request.replyTo().tell(new CoordinatorAnswer.Refused(alone.orElseGet(this::notLeading)));
    } else {
      var refs = ActorRefResolver.get(getContext().getSystem());
      if (!new SeatRequests(this, state.get(), agents, refs).handle(request)) {
        new Requests(this, state.get(), agents).handle(request);
      }
    }
    return this;
  }

  /**
   * A coordinator that no majority has answered for a while may be an old one: it says nothing that
   * might be out of date, and takes nothing that it cannot have stored.
   */
  private Optional<Reason> standsAlone() {
    Duration within = SeatChanges.ANSWERS_WITHIN;
    if (state.isEmpty() || Duration.between(ledSince, now()).compareTo(within) <= 0) {
      return Optional.empty();
    }
    Membership seats = membership().orElse(Membership.NONE);
    int answering = leases.answering(seats, within, now()).size();
    return answering >= seats.majority()
        ? Optional.empty()
        : Optional.of(
            Reason.of(
                ReasonCode.NO_QUORUM,
                "%d of %d seats answered this coordinator within %d s, and it takes %d: it may not"
                    + " be the coordinator any more",
                answering,
                seats.members().size(),
                within.toSeconds(),
                seats.majority()));
  }

  private Reason notLeading() {
    return notLeading.code() == ReasonCode.NO_QUORUM
        ? notLeading
        : Reason.of(ReasonCode.NO_QUORUM, "%s", notLeading.message());
  }

  /** Decides, and answers when it is stored. */
  void ask(
      ClusterInput input,
      ActorRef<CoordinatorAnswer> replyTo,
      java.util.function.Function<Decision, CoordinatorAnswer> answer) {
    input(
        input,
        decision ->
            replyTo.tell(
                decision.refused()
                    ? new CoordinatorAnswer.Refused(decision.reason())
                    : answer.apply(decision)),
        () -> replyTo.tell(new CoordinatorAnswer.Refused(notLeading())));
  }

  CoordinatorSettings settings() {
    return settings;
  }

  long term() {
    return quorum.term().map(Term::number).orElse(0L);
  }
}
