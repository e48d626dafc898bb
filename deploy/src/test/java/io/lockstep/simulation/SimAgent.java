package io.lockstep.simulation;

import io.lockstep.agent.core.AgentState;
import io.lockstep.agent.core.ClosedFence;
import io.lockstep.agent.core.Founding;
import io.lockstep.agent.core.GroupAction;
import io.lockstep.agent.core.GroupDecision;
import io.lockstep.agent.core.GroupInput;
import io.lockstep.agent.core.GroupMachine;
import io.lockstep.agent.core.GroupReport;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.GroupStatus;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import io.lockstep.protocol.model.Term;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;

/** Mirrors AgentActor: decided, stored, and only then acted on. One life of it. */
final class SimAgent {
  private static final GroupInput TICK = new GroupInput.Tick();
  private static final long TICK_MILLIS = 1_000;
  private static final long STORE_AGAIN_MILLIS = 1_000;

  final AgentRef ref;
  private final Simulation sim;
  private final SimHost host;
  private final Hands hands;
  private final GroupMachine machine = new GroupMachine();
  private final ArrayDeque<GroupInput> waiting = new ArrayDeque<>();
  private AgentState state;
  private Optional<GroupDecision> storing = Optional.empty();
  private Optional<Reason> trouble = Optional.empty();
  private boolean running = true;

  SimAgent(Simulation sim, SimHost host, Hands hands, int life) {
    this.sim = sim;
    this.host = host;
    this.hands = hands;
    this.ref = new AgentRef(host.name, life);
    this.state = host.memory();
  }

  void start() {
    hands.attach(this);
    sim.schedule.after(sim.schedule.below(1_000), this::tick);
    apply(new GroupInput.ShellStarted());
  }

  /** Whatever was on its way to the disk is there or not. */
  void stop() {
    running = false;
    hands.detach(this);
    storing
        .filter(decision -> sim.schedule.oneIn(2))
        .ifPresent(decision -> host.remember(decision.state()));
  }

  AgentState state() {
    return state;
  }

  private void tick() {
    if (!running) {
      return;
    }
    sim.schedule.after(TICK_MILLIS, this::tick);
    heartbeat();
    if (sim.mutation != Mutation.REPORT_ONCE) {
      state.outstanding().forEach(this::report);
    }
    if (!waiting.contains(TICK)) {
      apply(TICK);
    }
  }

  private void heartbeat() {
    send(
        new Report.Heartbeat(
            host.id, ref, state.disk(), currentStatus(), founding(), trouble, hands.warmPool()));
  }

  private Optional<String> founding() {
    return state.founding().map(Founding::id);
  }

  private Optional<GroupStatus> currentStatus() {
    return state
        .current()
        .map(
            group ->
                group.status(Optional.empty(), hands.lastCheckpoint(group), hands.activity(group)))
        .or(state::lastUnheard);
  }

  void apply(GroupInput input) {
    if (running) {
      waiting.add(input);
      decideWaiting();
    }
  }

  private void decideWaiting() {
    while (storing.isEmpty() && !waiting.isEmpty()) {
      GroupInput input = waiting.remove();
      GroupDecision decision = decide(input);
      if (!(input instanceof GroupInput.Tick)) {
        if (sim.trace.wantsExchange()) {
          sim.trace.detail("%s: %s: %s", host.id, Texts.of(input), decision.reason());
        }
      }
      if (decision.state().equals(state)) {
        perform(decision.actions());
      } else {
        storing = Optional.of(decision);
        if (sim.mutation == Mutation.FORK_BEFORE_STORED_AND_UNMARKED) {
          perform(decision.actions());
        } else {
          perform(decision.beforeStored());
        }
        store(decision);
      }
    }
  }

  private GroupDecision decide(GroupInput input) {
    AgentState seen =
        switch (sim.mutation) {
          case IGNORE_FENCES_AT_AGENTS ->
              input instanceof GroupInput.OfFounding c && c.command() instanceof GroupInput.Prepare
                  ? with(state, Term.NONE, 0, List.of())
                  : state;
          case IGNORE_TERMS_AT_AGENTS -> with(state, Term.NONE, state.plan(), state.closed());
          default -> state;
        };
    GroupDecision made = machine.decide(seen, input, sim.schedule.instant());
    AgentState next = made.state();
    AgentState kept =
        with(
            next,
            next.term().isBefore(state.term()) ? state.term() : next.term(),
            Math.max(next.plan(), state.plan()),
            closed(next));
    return new GroupDecision(kept, made.actions(), made.reason());
  }

  private List<ClosedFence> closed(AgentState next) {
    return switch (sim.mutation) {
      case FORGET_CLOSED_FENCES -> List.of();
      case IGNORE_FENCES_AT_AGENTS -> {
        var all = new LinkedHashMap<Fence, ClosedFence>();
        state.closed().forEach(c -> all.put(c.fence(), c));
        next.closed().forEach(c -> all.put(c.fence(), c));
        yield List.copyOf(all.values());
      }
      default -> next.closed();
    };
  }

  private static AgentState with(AgentState state, Term term, long plan, List<ClosedFence> closed) {
    return new AgentState(
        state.disk(), term, plan, state.current(), state.ending(), closed, state.founding());
  }

  private void store(GroupDecision decision) {
    boolean works = !sim.schedule.oneIn(400);
    sim.schedule.after(
        storeMillis(),
        () -> {
          if (!running) {
            return;
          }
          if (works) {
            stored(decision);
          } else {
            trouble = Optional.of(Reason.of(ReasonCode.DISK_FULL, "the disk is full"));
            heartbeat();
            decision.actions().stream().filter(GroupAction::onlyEnds).forEach(hands::perform);
            decision.actions().stream()
                .filter(GroupAction::onlySaysWhatWasSeen)
                .forEach(action -> report(((GroupAction.Tell) action).report()));
            sim.schedule.after(
                STORE_AGAIN_MILLIS,
                () -> {
                  if (running) {
                    store(decision);
                  }
                });
          }
        });
  }

  private int storeMillis() {
    if (sim.mutation == Mutation.FORK_BEFORE_STORED_AND_UNMARKED) {
      return 2_000;
    }
    return sim.schedule.oneIn(25) ? sim.schedule.between(100, 1_500) : sim.schedule.between(1, 15);
  }

  private void stored(GroupDecision decision) {
    sim.invariants.remembered(host.id, state, decision.state());
    state = decision.state();
    host.remember(state);
    storing = Optional.empty();
    trouble = Optional.empty();
    if (sim.mutation != Mutation.FORK_BEFORE_STORED_AND_UNMARKED) {
      perform(decision.afterStored());
    }
    decideWaiting();
  }

  private void perform(List<GroupAction> actions) {
    for (GroupAction action : actions) {
      if (action instanceof GroupAction.Tell tell) {
        report(tell.report());
      } else if (action instanceof GroupAction.SayHello) {
        hello();
      } else if (!(action instanceof GroupAction.FindGroup)
          || sim.mutation != Mutation.NO_READOPTION) {
        hands.perform(action);
      }
    }
  }

  private void hello() {
    var groups = new ArrayList<GroupStatus>();
    state.closed().stream().filter(c -> !c.heard()).forEach(c -> groups.add(c.status()));
    state
        .current()
        .map(
            group ->
                group.status(Optional.empty(), hands.lastCheckpoint(group), hands.activity(group)))
        .ifPresent(groups::add);
    send(new Report.Hello(host.id, ref, state.disk(), host.inventory(), groups, founding()));
  }

  private void report(GroupReport report) {
    sim.invariants.said(host, report);
    send(new Report.Told(host.id, host.bootId(), report));
  }

  private void send(Report report) {
    Optional<SimCoordinator> to = sim.singleton.proxyOf(host);
    if (to.isPresent()) {
      if (!(report instanceof Report.Heartbeat)) {
        if (sim.trace.wantsExchange()) {
          sim.trace.exchange("%s -> coordinator  %s", host.id, Texts.of(report));
        }
      }
      sim.network.send(host.name, to.get().host.name, () -> to.get().receive(report));
    }
  }
}
