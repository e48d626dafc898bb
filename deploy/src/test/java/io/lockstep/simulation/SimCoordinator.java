package io.lockstep.simulation;

import io.lockstep.agent.core.GroupInput;
import io.lockstep.agent.core.GroupReport;
import io.lockstep.agent.core.StartOrder;
import io.lockstep.coordinator.actor.ActivityWatch;
import io.lockstep.coordinator.actor.LeaseWatch;
import io.lockstep.coordinator.actor.SeatChanges;
import io.lockstep.coordinator.actor.StateCodec;
import io.lockstep.coordinator.core.ClusterAction;
import io.lockstep.coordinator.core.ClusterEvent;
import io.lockstep.coordinator.core.ClusterInput;
import io.lockstep.coordinator.core.ClusterMachine;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.coordinator.core.Decision;
import io.lockstep.coordinator.core.FailureRules;
import io.lockstep.coordinator.core.Forgetting;
import io.lockstep.coordinator.core.Lease;
import io.lockstep.coordinator.core.LeaseDoor;
import io.lockstep.coordinator.core.LeaseReport;
import io.lockstep.coordinator.core.PreparedNode;
import io.lockstep.coordinator.core.Standbys;
import io.lockstep.coordinator.core.ZeroCheck;
import io.lockstep.coordinator.seat.FoundingId;
import io.lockstep.coordinator.seat.Membership;
import io.lockstep.coordinator.seat.QuorumDriver;
import io.lockstep.coordinator.seat.QuorumOutcome;
import io.lockstep.coordinator.seat.SeatChange;
import io.lockstep.coordinator.seat.SeatLimits;
import io.lockstep.coordinator.seat.SeatReply;
import io.lockstep.coordinator.seat.ToSeat;
import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.GroupStatus;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import io.lockstep.protocol.model.Term;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.function.Consumer;

/** Mirrors CoordinatorActor, ActionRunner and AgentDirectory, line by line where it matters. */
final class SimCoordinator {
  private static final long TICK_MILLIS = 1_000;
  private static final Duration FROZEN = Duration.ofMillis(2 * TICK_MILLIS);

  final SimHost host;
  final String incarnation;
  private final Simulation sim;
  private final ClusterMachine machine;
  private final StateCodec codec;
  private final QuorumDriver quorum;
  private final LeaseWatch leases = new LeaseWatch();
  private final Deque<Runnable> mailbox = new ArrayDeque<>();
  private final Queue<Waiting> waiting = new ArrayDeque<>();
  private Map<NodeId, Known> agents = new HashMap<>();
  private Instant agentsSince;
  private Instant lastBeat;
  private Optional<InFlight> inFlight = Optional.empty();
  private Optional<ClusterState> state = Optional.empty();
  private final SeatChanges seatChanges;
  private final SimGate gate;
  private boolean running = true;
  private boolean frozen;

  private record Known(
      AgentRef agent, Instant heard, String disk, boolean greeted, Optional<GroupStatus> group) {}

  private record Waiting(ClusterInput input, Consumer<Decision> then) {}

  private record Made(Waiting waiting, Decision decision) {}

  private record InFlight(List<Made> made, ClusterState then, Term term) {}

  SimCoordinator(Simulation sim, SimHost host, int number) {
    this.sim = sim;
    this.host = host;
    this.incarnation = "coordinator-" + number;
    this.codec = sim.codec;
    this.machine =
        new ClusterMachine(
            ClusterMachine.SUSPECT_WAIT, ZeroCheck.NONE, sim.quarantine(), FailureRules.NONE);
    this.gate = new SimGate(sim, host, this::later, this::input);
    this.seatChanges = seatChanges(sim);
    this.agentsSince = now();
    this.lastBeat = now();
    this.quorum =
        new QuorumDriver(
            host.knownSeats(),
            incarnation,
            new FoundingId("of-" + incarnation),
            sim.schedule.split());
  }

  void start() {
    sim.trace.detail("%s starts on %s", incarnation, host.id);
    carry(quorum.begin(now()));
    quorumBeat();
    machineBeat();
    leaseBeat();
  }

  void stop() {
    if (running) {
      sim.trace.detail("%s stops", incarnation);
    }
    running = false;
    mailbox.clear();
  }

  void freeze() {
    frozen = true;
  }

  void thaw() {
    frozen = false;
    while (!mailbox.isEmpty() && !frozen) {
      mailbox.remove().run();
    }
  }

  boolean isRunning() {
    return running;
  }

  boolean isAwake() {
    return running && !frozen;
  }

  Optional<ClusterState> state() {
    return running ? state : Optional.empty();
  }

  Optional<Membership> membership() {
    return quorum.membership();
  }

  private Instant now() {
    return sim.schedule.instant();
  }

  /** Runs it unless this life is over; a frozen one finds it when it thaws. */
  private void enter(Runnable action) {
    if (frozen && running) {
      mailbox.add(() -> enter(action));
    } else if (running) {
      action.run();
    }
  }

  private void later(long millis, Runnable action) {
    sim.schedule.after(millis, () -> enter(action));
  }

  // quorum

  private void quorumBeat() {
    later(SeatLimits.TICK.toMillis(), this::quorumBeat);
    carry(quorum.tick(now()));
  }

  private void machineBeat() {
    later(TICK_MILLIS, this::machineBeat);
    if (state.isPresent()) {
      Duration sinceLastBeat = Duration.between(lastBeat, now());
      if (sinceLastBeat.compareTo(FROZEN) > 0) {
        agentsSince = now();
        input(new ClusterInput.StoodStill(sinceLastBeat));
      }
      lastBeat = now();
      for (NodeId node : List.copyOf(state.get().nodes().keySet())) {
        Duration silence = silence(node);
        if (silence.compareTo(Simulation.NODE_SILENT_AFTER) > 0
            && state.flatMap(s -> s.node(node)).filter(n -> !n.lost()).isPresent()) {
          input(new ClusterInput.NodeSilent(node, silence, report()));
        }
      }
      ActivityWatch.inputs(state.get(), this::fresh).forEach(this::input);
      input(new ClusterInput.Tick());
    }
  }

  private Optional<GroupStatus> fresh(NodeId node) {
    return Optional.ofNullable(agents.get(node))
        .filter(k -> Duration.between(k.heard(), now()).compareTo(ActivityWatch.FRESH) < 0)
        .flatMap(Known::group);
  }

  private void leaseBeat() {
    later(SeatLimits.PROBE_INTERVAL.toMillis(), this::leaseBeat);
    if (state.isPresent()) {
      input(new ClusterInput.LeasesSeen(report()));
      lookAtSeatChanges();
    }
  }

  /** As an operator asks for it; nothing when it does not lead, or has another wish. */
  void changeSeats(SeatChange change) {
    enter(
        () -> {
          if (state.isPresent()) {
            seatChanges
                .begin(change, answer -> sim.changed(change, answer), quorum, now())
                .ifPresent(this::carry);
          }
        });
  }

  private void lookAtSeatChanges() {
    if (state.isPresent() && inFlight.isEmpty()) {
      seatChanges.look(quorum, state.get(), leases, now()).ifPresent(this::carry);
    }
  }

  private static SeatChanges seatChanges(Simulation sim) {
    return sim.mutation == Mutation.CHANGE_BEFORE_SHIMS_KNOW
        ? new SeatChanges() {
          @Override
          protected List<Lease> olderLeases(ClusterState state, LeaseReport report, long set) {
            return List.of();
          }
        }
        : new SeatChanges();
  }

  private LeaseReport report() {
    LeaseReport report = leases.report(quorum);
    return switch (sim.mutation) {
      case NO_WAIT_FOR_LEASES -> LeaseDoor.allOld(report);
      case AGES_OF_SEATS_THAT_DO_NOT_KNOW -> LeaseDoor.allKnow(report);
      case ONE_SEATS_AGE -> new LeaseReport(1, report.seats());
      default -> report;
    };
  }

  private Duration silence(NodeId node) {
    Known last = agents.get(node);
    Instant from = last != null && last.heard().isAfter(agentsSince) ? last.heard() : agentsSince;
    return Duration.between(from, now());
  }

  private void carry(QuorumDriver.Step step) {
    for (ToSeat message : step.send()) {
      SimHost seat = sim.seatHost(message.seat());
      sim.network.send(
          host.name,
          seat.name,
          () ->
              seat.seat()
                  .receive(
                      message.request(),
                      reply ->
                          sim.network.send(seat.name, host.name, () -> enter(() -> heard(reply)))));
    }
    step.outcomes().forEach(this::onOutcome);
    next();
  }

  private void heard(SeatReply reply) {
    leases.saw(reply, quorum, now());
    carry(quorum.receive(reply, now()));
  }

  private void onOutcome(QuorumOutcome outcome) {
    if (outcome instanceof QuorumOutcome.BecameLeader leader) {
      agents = new HashMap<>();
      leases.clear();
      agentsSince = now();
      lastBeat = now();
      ClusterState read = codec.read(leader.state());
      state = Optional.of(read);
      sim.trace.exchange(
          "%s on %s coordinates in term %s from version %d",
          incarnation, host.id, leader.term(), read.version());
      sim.history.adopted(leader.state(), read);
      input(new ClusterInput.TookOver());
    } else if (outcome instanceof QuorumOutcome.Appended) {
      InFlight stored = inFlight.orElseThrow();
      inFlight = Optional.empty();
      apply(stored);
    } else if (outcome instanceof QuorumOutcome.AppendRefused refused) {
      throw new IllegalStateException("not stored: " + refused.reason());
    } else if (outcome instanceof QuorumOutcome.SteppedDown down) {
      sim.trace.exchange("%s steps down: %s", incarnation, down.reason());
      state = Optional.empty();
      inFlight = Optional.empty();
      waiting.clear();
      seatChanges.forget(down.reason());
    } else {
      if (outcome instanceof QuorumOutcome.MembershipChanged changed) {
        seatChanges.changed(changed.membership());
      }
      sim.trace.detail("%s: %s", incarnation, outcome);
    }
  }

  // inputs, one after another: the next is decided on what is stored

  private void input(ClusterInput input) {
    input(input, decision -> {});
  }

  private void input(ClusterInput input, Consumer<Decision> then) {
    if (state.isPresent()) {
      waiting.add(new Waiting(input, then));
      next();
    }
  }

  private void next() {
    while (state.isPresent() && inFlight.isEmpty() && !waiting.isEmpty() && quorum.canAppend()) {
      Term term = quorum.term().orElseThrow();
      ClusterState then = state.get();
      var made = new ArrayList<Made>();
      var events = new ArrayList<ClusterEvent>();
      while (!waiting.isEmpty() && mayJoin(waiting.element(), made, events.size())) {
        Waiting first = waiting.remove();
        var decided = new Made(first, decide(then, first.input()));
        if (events.isEmpty() && decided.decision().events().isEmpty()) {
          act(decided, term);
          continue;
        }
        made.add(decided);
        for (ClusterEvent event : decided.decision().events()) {
          then = codec.evolve(then, event);
          events.add(event);
        }
      }
      if (made.isEmpty()) {
        continue;
      }
      inFlight = Optional.of(new InFlight(made, then, term));
      if (sim.mutation == Mutation.ACT_BEFORE_STORED) {
        made.forEach(one -> run(one, term));
      }
      if (sim.mutation == Mutation.ANSWER_BEFORE_STORED) {
        made.forEach(one -> one.waiting().then().accept(one.decision()));
      }
      carry(quorum.append(events.stream().map(codec::write).toList(), now()));
    }
  }

  private static boolean mayJoin(Waiting next, List<Made> made, int events) {
    return made.isEmpty()
        || (events < SeatLimits.MAX_WRITE_EVENTS
            && !(next.input() instanceof ClusterInput.StateLarge)
            && !(made.get(0).waiting().input() instanceof ClusterInput.StateLarge));
  }

  private Decision decide(ClusterState known, ClusterInput input) {
    ClusterState seen =
        switch (sim.mutation) {
          case NO_WAIT_FOR_OLD_GROUPS -> Forgetting.oldGroups(known);
          case PLACE_ON_DRAINED_NODES -> Forgetting.drains(known);
          case FORGET_THE_BUDGET -> Forgetting.budgets(known);
          default -> known;
        };
    Decision decision = machine.decide(seen, input, now());
    if (!(input instanceof ClusterInput.Tick)) {
      sim.trace.detail("%s: %s: %s", incarnation, input, decision.reason());
    }
    return decision;
  }

  private void apply(InFlight stored) {
    ClusterState before = state.orElseThrow();
    ClusterState changed = stored.then();
    List<ClusterEvent> events =
        stored.made().stream().flatMap(made -> made.decision().events().stream()).toList();
    state = Optional.of(changed);
    sim.history.appended(before, events);
    stored.made().forEach(made -> act(made, stored.term()));
    boolean forgets =
        stored.made().stream()
            .anyMatch(made -> made.waiting().input() instanceof ClusterInput.StateLarge);
    if (quorum.wantsCompaction() || forgets) {
      byte[] snapshot = codec.writeSnapshot(changed);
      carry(quorum.compact(changed.version(), snapshot, now()));
      if (snapshot.length > SeatLimits.FORGET_ABOVE_BYTES) {
        input(new ClusterInput.StateLarge(snapshot.length, SeatLimits.FORGET_ABOVE_BYTES));
      }
    }
  }

  private void act(Made made, Term term) {
    if (sim.mutation != Mutation.ACT_BEFORE_STORED || made.decision().events().isEmpty()) {
      run(made, term);
    }
    made.waiting().then().accept(made.decision());
  }

  private void run(Made made, Term term) {
    for (ClusterAction action : made.decision().actions()) {
      if (action instanceof ClusterAction.CheckPairs check) {
        gate.begin(check);
        continue;
      }
      Optional.ofNullable(agents.get(action.node()))
          .ifPresent(known -> tell(known.agent(), command(action, term)));
      if (sim.mutation == Mutation.START_BEFORE_ALL_PREPARED
          && action instanceof ClusterAction.Prepare prepare) {
        var early =
            new ClusterAction.Start(
                prepare.node(), prepare.launch().fence(), 29_500, Optional.empty(), false);
        Optional.ofNullable(agents.get(action.node()))
            .ifPresent(known -> tell(known.agent(), command(early, term)));
      }
    }
  }

  private void tell(AgentRef agent, GroupInput.Command command) {
    if (sim.trace.wantsExchange()) {
      sim.trace.exchange("coordinator -> %s  %s", sim.host(agent.host()).id, Texts.of(command));
    }
    var sent = new GroupInput.OfFounding(founding(), command);
    sim.network.send(host.name, agent.host(), () -> sim.host(agent.host()).deliver(agent, sent));
  }

  private static GroupInput.Command command(ClusterAction action, Term term) {
    if (action instanceof ClusterAction.Prepare prepare) {
      return new GroupInput.Prepare(term, prepare.launch());
    } else if (action instanceof ClusterAction.Start start) {
      return new GroupInput.Start(
          term,
          start.fence(),
          new StartOrder(start.masterPort(), start.resume(), start.moveAside()));
    } else if (action instanceof ClusterAction.Stop stop) {
      return new GroupInput.Stop(term, stop.fence(), stop.grace(), stop.disk(), stop.reason());
    } else if (action instanceof ClusterAction.Acknowledge ack) {
      return new GroupInput.Acknowledge(
          term, ack.fence(), GroupReport.Kind.valueOf(ack.report().name()));
    } else if (action instanceof ClusterAction.TakeStacks take) {
      return new GroupInput.TakeStacks(term, take.fence());
    } else if (action instanceof ClusterAction.StandBy standBy) {
      return new GroupInput.StandBy(term, standBy.order(), standBy.reason().message());
    }
    throw new IllegalArgumentException("no command for " + action);
  }

  private Optional<String> founding() {
    return quorum.founding().map(FoundingId::text);
  }

  private boolean isOfAnotherFounding(Optional<String> said) {
    return said.isPresent() && !said.equals(founding());
  }

  private void askForHello(AgentRef agent) {
    tell(agent, new GroupInput.SayHello(quorum.term().orElse(Term.NONE)));
  }

  // agents

  void receive(Report report) {
    enter(
        () -> {
          if (state.isPresent()) {
            carryReport(report);
          }
        });
  }

  private void carryReport(Report report) {
    if (report instanceof Report.Hello hello) {
      if (isOfAnotherFounding(hello.founding())) {
        askForHello(hello.agent());
        return;
      }
      agents.put(
          hello.node(), new Known(hello.agent(), now(), hello.disk(), true, Optional.empty()));
      input(
          new ClusterInput.NodeHello(
              hello.node(), hello.disk(), hello.inventory(), hello.groups()));
    } else if (report instanceof Report.Heartbeat beat) {
      onHeartbeat(beat);
    } else if (report instanceof Report.Told told) {
      input(inputOf(told));
    }
  }

  private ClusterInput inputOf(Report.Told told) {
    NodeId node = told.node();
    GroupReport report = told.report();
    if (report instanceof GroupReport.Prepared p) {
      return new ClusterInput.NodePrepared(
          node,
          p.fence(),
          new PreparedNode(
              p.readiness().masterPort(),
              p.readiness().zeroSha256(),
              p.readiness().scriptSha256(),
              p.readiness().checkpoints(),
              Optional.empty(),
              Optional.of(told.bootId())));
    } else if (report instanceof GroupReport.PrepareRejected r) {
      return new ClusterInput.NodeRejected(node, r.fence(), r.reason());
    } else if (report instanceof GroupReport.Started s) {
      return new ClusterInput.NodeStarted(node, s.fence(), Optional.empty());
    } else if (report instanceof GroupReport.Exited e) {
      return new ClusterInput.NodeExited(node, e.fence(), e.report());
    } else if (report instanceof GroupReport.Unknown u) {
      return sim.mutation == Mutation.FORGETFUL_AGENT_IS_PROOF
          ? new ClusterInput.NodeExited(
              node,
              u.fence(),
              ExitReport.neverStarted(Reason.of(ReasonCode.FINISHING, "unknown"), now()))
          : new ClusterInput.NodeKnowsNothing(node, u.fence());
    }
    throw new IllegalArgumentException("no input for " + report);
  }

  private boolean heard(NodeId node, AgentRef agent, String disk, Optional<GroupStatus> group) {
    Known before = agents.get(node);
    boolean greeted =
        before != null
            && before.greeted()
            && before.agent().equals(agent)
            && before.disk().equals(disk);
    agents.put(node, new Known(agent, now(), disk, greeted, group));
    return !greeted;
  }

  private void onHeartbeat(Report.Heartbeat beat) {
    if (isOfAnotherFounding(beat.founding())) {
      askForHello(beat.agent());
      return;
    }
    boolean unknown =
        heard(beat.node(), beat.agent(), beat.disk(), beat.group())
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
    if (sim.mutation != Mutation.POOL_OUTLIVES_ITS_JOB
        && state.flatMap(s -> Standbys.order(s, beat.node(), beat.warm(), now())).isPresent()) {
      input(new ClusterInput.WarmSeen(beat.node(), beat.warm()));
    }
    beat.group()
        .filter(g -> g.lastCheckpoint().isPresent())
        .filter(this::isNews)
        .ifPresent(
            g ->
                input(
                    new ClusterInput.CheckpointSeen(g.fence(), g.lastCheckpoint().orElseThrow())));
  }

  private boolean holdsAStranger(NodeId node, Optional<GroupStatus> group) {
    return group
        .filter(g -> g.exit().isEmpty())
        .filter(g -> state.filter(s -> s.isStranger(node, g.fence())).isPresent())
        .isPresent();
  }

  private boolean isNews(GroupStatus group) {
    return state
        .flatMap(s -> s.job(group.fence().job()))
        .filter(j -> !j.lastCheckpoint().equals(group.lastCheckpoint()))
        .isPresent();
  }

  // requests

  /** Decides, and answers when it is stored; nobody answers when this life or reign is over. */
  void ask(ClusterInput input, Consumer<Decision> answer) {
    enter(() -> input(input, answer));
  }
}
