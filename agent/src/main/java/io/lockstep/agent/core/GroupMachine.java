package io.lockstep.agent.core;

import static io.lockstep.protocol.model.ReasonCode.ALL_PREPARED;
import static io.lockstep.protocol.model.ReasonCode.ALL_STARTED;
import static io.lockstep.protocol.model.ReasonCode.FINISHING;
import static io.lockstep.protocol.model.ReasonCode.NOTHING_TO_DO;
import static io.lockstep.protocol.model.ReasonCode.OLD_GROUP_WILL_NOT_END;
import static io.lockstep.protocol.model.ReasonCode.PREPARING;
import static io.lockstep.protocol.model.ReasonCode.STALE;
import static io.lockstep.protocol.model.ReasonCode.STANDING_BY;
import static io.lockstep.protocol.model.ReasonCode.SUCCEEDED;
import static io.lockstep.protocol.model.ReasonCode.WORKERS_FAILED;

import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import io.lockstep.protocol.model.StandbyOrder;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The only door: decides what a node does with its one worker group.
 *
 * <pre>
 * (none) -Prepare-> PREPARING -cleared, checked-> PREPARED -Start-> STARTING -workers seen-> RUNNING
 *                       |                            |                 |                        |
 *                       +------Stop, refusal---------+                 +--------- Stop ---------+-> STOPPING
 *                                  |                                              |                    |
 *                                closed <--------------------------------------- exited --------------+
 * </pre>
 *
 * A newer Prepare closes a group that was never forked, and moves one that was to {@code ending}
 * until it is proven gone.
 */
public final class GroupMachine {
  public GroupDecision decide(AgentState state, GroupInput input, Instant now) {
    if (input instanceof GroupInput.Command command) {
      if (command.term().isBefore(state.term())) {
        return nothing(state, STALE, "term %s is over, %s was heard", command.term(), state.term());
      }
      return input.handledBy(this, state.withTerm(command.term()), now);
    }
    return input.handledBy(this, state, now);
  }

  /** A memory of terms and plans belongs to one founding (A3): another one begins a new memory. */
  GroupDecision onOfFounding(AgentState state, GroupInput.OfFounding input, Instant now) {
    Optional<Founding> known = state.founding();
    if (input.founding().isEmpty()
        || known.filter(f -> f.id().equals(input.founding().get())).isPresent()) {
      return decide(state, input.command(), now);
    }
    String id = input.founding().get();
    if (known.filter(f -> f.before().contains(id)).isPresent()) {
      return nothing(
          state, STALE, "the cluster founded as %s was given up for %s", id, known.get().id());
    }
    AgentState anew = known.isPresent() ? state.refounded(id) : state.belongingTo(id);
    GroupDecision decided = decide(anew, input.command(), now);
    var actions = new ArrayList<GroupAction>();
    actions.add(new GroupAction.BelongTo(id));
    if (known.isPresent() && !decided.actions().contains(new GroupAction.SayHello())) {
      actions.add(new GroupAction.SayHello());
    }
    actions.addAll(decided.actions());
    return new GroupDecision(
        decided.state(),
        actions,
        known.isPresent()
            ? Reason.of(
                STALE,
                "the cluster was founded anew as %s: what runs of %s is ended and forgotten",
                id,
                known.get().id())
            : decided.reason());
  }

  // --- commands ---------------------------------------------------------------------------------

  GroupDecision onPrepare(AgentState state, GroupInput.Prepare input, Instant now) {
    Fence fence = input.launch().fence();
    if (!input.launch().agentDisk().equals(state.disk())) {
      Reason reason =
          Reason.of(
              STALE,
              "attempt %s was planned for the agent memory %s, this is %s; it has said Hello",
              fence,
              input.launch().agentDisk(),
              state.disk());
      return new GroupDecision(
          state,
          List.of(
              new GroupAction.Tell(new GroupReport.PrepareRejected(fence, reason)),
              new GroupAction.SayHello()),
          reason);
    }
    Optional<ClosedFence> closed = state.closed(fence);
    if (closed.isPresent()) {
      return tell(state, closed.get().tell(), STALE, "%s is closed", fence);
    }
    Optional<WorkerGroup> same = state.currently(fence);
    if (same.isPresent()) {
      return repeat(state, same.get());
    }
    if (fence.plan() <= state.plan()) {
      return nothing(state, STALE, "%s is older than plan %d", fence, state.plan());
    }
    return prepareNew(state, input, now);
  }

  private GroupDecision prepareNew(AgentState state, GroupInput.Prepare input, Instant now) {
    Fence fence = input.launch().fence();
    var actions = new ArrayList<GroupAction>();
    AgentState cleared = state;
    if (state.current().isPresent()) {
      WorkerGroup old = state.current().get();
      if (old.mayHaveProcesses()) {
        cleared = state.superseded();
      } else {
        ExitReport never =
            ExitReport.neverStarted(
                Reason.of(STALE, "superseded by %s before it was started", fence), now);
        cleared = state.close(old.fence(), never);
        actions.add(new GroupAction.Tell(new GroupReport.Exited(old.fence(), never)));
      }
    }
    actions.add(clear(cleared, fence.plan()));
    return new GroupDecision(
        cleared.withCurrent(WorkerGroup.preparing(input.launch())),
        actions,
        Reason.of(PREPARING, "preparing %s as node rank %d", fence, input.launch().nodeRank()));
  }

  /** The same command again: the same answer again, where there is one already. */
  private GroupDecision repeat(AgentState state, WorkerGroup group) {
    return switch (group.phase()) {
      case PREPARED ->
          group
              .readiness()
              .map(
                  found ->
                      tell(
                          state,
                          new GroupReport.Prepared(group.fence(), found),
                          ALL_PREPARED,
                          "%s is prepared already",
                          group.fence()))
              .orElseThrow(() -> new IllegalStateException("prepared without readiness: " + group));
      case RUNNING ->
          tell(
              state,
              new GroupReport.Started(group.fence(), group.workers()),
              ALL_STARTED,
              "%s runs already",
              group.fence());
      case PREPARING, STARTING, STOPPING ->
          nothing(
              state,
              NOTHING_TO_DO,
              "%s is %s already",
              group.fence(),
              group.phase().name().toLowerCase(java.util.Locale.ROOT));
    };
  }

  GroupDecision onStart(AgentState state, GroupInput.Start input) {
    Fence fence = input.fence();
    Optional<WorkerGroup> known = state.currently(fence);
    if (known.isEmpty()) {
      return state
          .closed(fence)
          .map(closed -> tell(state, closed.tell(), STALE, "%s is closed", fence))
          .orElseGet(() -> nothing(state, STALE, "%s is not prepared here", fence));
    }
    WorkerGroup group = known.get();
    return switch (group.phase()) {
      case PREPARED ->
          new GroupDecision(
              state.withCurrent(group.starting(input.order())),
              List.of(new GroupAction.Launch(group.launch(), input.order())),
              Reason.of(
                  ReasonCode.ALL_PREPARED,
                  "starting %s on master port %d",
                  fence,
                  input.order().masterPort()));
      case PREPARING -> nothing(state, NOTHING_TO_DO, "%s is not prepared yet", fence);
      case STARTING, RUNNING, STOPPING -> repeat(state, group);
    };
  }

  /** Only between Prepared and Start: nobody reads or writes checkpoints then. */
  GroupDecision onConvert(AgentState state, GroupInput.Convert input) {
    return isPrepared(state, input.fence())
        .map(
            group ->
                new GroupDecision(
                    state,
                    List.of(new GroupAction.Convert(group.launch(), input.checkpoint())),
                    Reason.of(
                        ReasonCode.CONVERTING,
                        "converting %s for %s",
                        input.checkpoint().path(),
                        input.fence())))
        .orElseGet(() -> nothing(state, STALE, "%s is not prepared here", input.fence()));
  }

  GroupDecision onConverted(AgentState state, GroupInput.Converted input) {
    return isPrepared(state, input.fence())
        .map(
            group -> {
              Readiness found = group.readiness().orElseThrow().with(input.checkpoints());
              return new GroupDecision(
                  state.withCurrent(group.prepared(found)),
                  List.of(new GroupAction.Tell(new GroupReport.Prepared(group.fence(), found))),
                  Reason.of(ALL_PREPARED, "%s is prepared, and converted", group.fence()));
            })
        .orElseGet(() -> nothing(state, STALE, "%s is not prepared", input.fence()));
  }

  GroupDecision onNotConverted(AgentState state, GroupInput.NotConverted input, Instant now) {
    return isPrepared(state, input.fence())
        .map(group -> refuse(state, group.fence(), input.reason(), new ArrayList<>(), now))
        .orElseGet(() -> nothing(state, STALE, "%s is not prepared", input.fence()));
  }

  GroupDecision onStop(AgentState state, GroupInput.Stop input, Instant now) {
    Fence fence = input.fence();
    Optional<WorkerGroup> known = state.currently(fence);
    if (known.isPresent()) {
      return stopCurrent(state, known.get(), input, now);
    }
    if (state.isEnding(fence)) {
      return nothing(state, FINISHING, "%s is being ended already", fence);
    }
    if (state.isClosed(fence)) {
      ClosedFence again = state.closed(fence).orElseThrow().askedForEnd();
      return tell(state.withClosed(again), again.tell(), STALE, "%s is closed", fence);
    }
    if (!input.agentDisk().equals(state.disk())) {
      return stopUnknown(state, input);
    }
    return neverStarted(state, fence, input.reason(), now);
  }

  GroupDecision onTakeStacks(AgentState state, GroupInput.TakeStacks input) {
    Optional<WorkerGroup> runs =
        state.currently(input.fence()).filter(g -> g.phase() == WorkerGroup.Phase.RUNNING);
    return runs.isEmpty()
        ? nothing(state, STALE, "%s does not run here", input.fence())
        : new GroupDecision(
            state,
            List.of(new GroupAction.TakeStacks(input.fence())),
            Reason.of(ReasonCode.STANDS_STILL, "takes the stacks of %s", input.fence()));
  }

  /**
   * A warm pool is no group: it has no fence, forks nothing before one adopts it, and is remembered
   * by nobody. So all that matters is that it never competes with a group.
   */
  GroupDecision onStandBy(AgentState state, GroupInput.StandBy input) {
    Optional<WorkerGroup> group = state.current().or(state::ending);
    Optional<Fence> running = state.current().map(WorkerGroup::fence);
    if (running.isPresent() && running.equals(input.order().map(StandbyOrder::fence))) {
      return new GroupDecision(
          state,
          List.of(new GroupAction.StartIsOver(running.get())),
          Reason.of(STANDING_BY, "loads for what comes after %s: %s", running.get(), input.why()));
    }
    if (group.isPresent()) {
      return nothing(
          state, NOTHING_TO_DO, "%s is here, and has its own warm pool", group.get().fence());
    }
    Optional<Fence> ordered = input.order().map(StandbyOrder::fence);
    Optional<Fence> newer = ordered.flatMap(fence -> overOrNewer(state, fence));
    if (newer.isPresent()) {
      return nothing(
          state, STALE, "the order is of %s, and %s was here", ordered.get(), newer.get());
    }
    return new GroupDecision(
        state,
        List.of(new GroupAction.StandBy(input.order(), input.why())),
        ordered
            .map(fence -> Reason.of(STANDING_BY, "stands by for %s: %s", fence.job(), input.why()))
            .orElseGet(() -> Reason.of(NOTHING_TO_DO, "stands by for no job: %s", input.why())));
  }

  /** This attempt where it is over here, or one of the same job that came later. */
  private static Optional<Fence> overOrNewer(AgentState state, Fence ordered) {
    return state.closed().stream()
        .map(ClosedFence::fence)
        .filter(fence -> fence.job().equals(ordered.job()))
        .filter(fence -> fence.equals(ordered) || fence.supersedes(ordered))
        .findFirst();
  }

  /**
   * What a lost memory left running is ended; that it was not found proves nothing all the same.
   */
  private static GroupDecision stopUnknown(AgentState state, GroupInput.Stop input) {
    return new GroupDecision(
        state,
        List.of(
            new GroupAction.KillGroup(input.fence()),
            new GroupAction.Tell(new GroupReport.Unknown(input.fence()))),
        Reason.of(
            STALE,
            "%s was planned for the agent memory %s, this is %s: it proves nothing",
            input.fence(),
            input.agentDisk(),
            state.disk()));
  }

  private GroupDecision stopCurrent(
      AgentState state, WorkerGroup group, GroupInput.Stop input, Instant now) {
    Instant by = now.plus(input.grace());
    return switch (group.phase()) {
      case PREPARING, PREPARED -> neverStarted(state, group.fence(), input.reason(), now);
      case STARTING, RUNNING -> stop(state, group, by, input);
      case STOPPING ->
          by.isBefore(group.stopBy().orElse(Instant.MAX))
              ? stop(state, group, by, input)
              : nothing(state, FINISHING, "%s is stopping already", group.fence());
    };
  }

  private static GroupDecision stop(
      AgentState state, WorkerGroup group, Instant by, GroupInput.Stop input) {
    return new GroupDecision(
        state.withCurrent(group.stopping(by, input.saveWithin())),
        List.of(new GroupAction.StopGroup(group.fence(), input.grace(), input.saveWithin())),
        Reason.of(
            FINISHING,
            "stopping %s with %d s grace%s: %s",
            group.fence(),
            input.grace().toSeconds(),
            input.saveWithin().map(t -> ", " + t.toSeconds() + " s of it to save").orElse(""),
            input.reason()));
  }

  private static GroupDecision neverStarted(
      AgentState state, Fence fence, String why, Instant now) {
    Reason reason = Reason.of(FINISHING, "stopped before it was started: %s", why);
    ExitReport report = ExitReport.neverStarted(reason, now);
    return new GroupDecision(
        state.close(fence, report),
        List.of(new GroupAction.Tell(new GroupReport.Exited(fence, report))),
        reason);
  }

  GroupDecision onAcknowledge(AgentState state, GroupInput.Acknowledge input) {
    Fence fence = input.fence();
    AgentState heard =
        switch (input.kind()) {
          case PREPARED -> heard(state, fence, true, false);
          case STARTED -> heard(state, fence, false, true);
          case PREPARE_REJECTED -> heardEnd(state, fence, true);
          case EXITED -> heardEnd(state, fence, false);
        };
    return nothing(heard, NOTHING_TO_DO, "%s of %s was stored", input.kind(), fence);
  }

  private static AgentState heard(
      AgentState state, Fence fence, boolean prepared, boolean started) {
    return state
        .currently(fence)
        .map(group -> state.withCurrent(group.heard(prepared, started)))
        .orElse(state);
  }

  private static AgentState heardEnd(AgentState state, Fence fence, boolean refusal) {
    return state
        .closed(fence)
        .filter(closed -> closed.rejected().isPresent() == refusal)
        .map(closed -> state.withClosed(closed.acknowledged()))
        .orElse(state);
  }

  GroupDecision onSayHello(AgentState state) {
    return new GroupDecision(
        state, List.of(new GroupAction.SayHello()), Reason.of(NOTHING_TO_DO, "saying Hello"));
  }

  // --- what the host found ----------------------------------------------------------------------

  GroupDecision onShellStarted(AgentState state, Instant now) {
    var actions = new ArrayList<GroupAction>();
    state.founding().ifPresent(f -> actions.add(new GroupAction.BelongTo(f.id())));
    actions.add(new GroupAction.SayHello());
    if (state.ending().isPresent()) {
      actions.add(clear(state, state.plan()));
    }
    state
        .current()
        .ifPresent(
            group -> {
              switch (group.phase()) {
                case PREPARING -> {
                  if (state.ending().isEmpty()) {
                    actions.add(clear(state, state.plan()));
                  }
                }
                case PREPARED -> {}
                // Never Launch again: a fence is forked at most once (A12).
                case STARTING, RUNNING -> actions.add(new GroupAction.FindGroup(group.launch()));
                case STOPPING -> {
                  actions.add(new GroupAction.FindGroup(group.launch()));
                  Duration left = Duration.between(now, group.stopBy().orElse(now));
                  actions.add(
                      new GroupAction.StopGroup(
                          group.fence(),
                          left.isNegative() ? Duration.ZERO : left,
                          group.saveWithin()));
                }
              }
            });
    return new GroupDecision(
        state,
        actions,
        Reason.of(
            NOTHING_TO_DO,
            "agent memory %s with %s",
            state.disk(),
            state
                .current()
                .map(group -> group.fence() + " " + group.phase())
                .orElse("no current group")));
  }

  GroupDecision onTick(AgentState state, Instant now) {
    var actions = new ArrayList<GroupAction>();
    // Unproven ends are looked at again until they are proven, however long that takes.
    state.closed().stream()
        .filter(closed -> !closed.report().treeGone())
        .forEach(closed -> actions.add(new GroupAction.KillGroup(closed.fence())));
    Optional<WorkerGroup> stopping = state.current().filter(group -> group.stopBy().isPresent());
    if (stopping.isEmpty()) {
      return new GroupDecision(state, actions, Reason.of(NOTHING_TO_DO, "a second has passed"));
    }
    WorkerGroup group = stopping.get();
    return switch (StopLadder.at(group.stopBy().orElseThrow(), now)) {
      case SHIM_IS_STOPPING ->
          new GroupDecision(state, actions, Reason.of(FINISHING, "%s is stopping", group.fence()));
      case KILL_PAST_THE_SHIM -> {
        actions.add(new GroupAction.KillGroup(group.fence()));
        yield new GroupDecision(
            state,
            actions,
            Reason.of(FINISHING, "the shim of %s is late: killing past it", group.fence()));
      }
      case UNCLEAN -> {
        ExitReport unclean = unproven(ExitReport.Outcome.STOPPED, group.fence(), now);
        actions.add(new GroupAction.Tell(new GroupReport.Exited(group.fence(), unclean)));
        yield new GroupDecision(
            state.close(group.fence(), unclean), actions, unclean.reason().orElseThrow());
      }
    };
  }

  GroupDecision onNodeCleared(AgentState state, GroupInput.NodeCleared input, Instant now) {
    AgentState next = state;
    var actions = new ArrayList<GroupAction>();
    if (state.ending().filter(old -> old.fence().plan() <= input.plan()).isPresent()) {
      // The host answers for each known group first; this one it could not answer for.
      Fence old = state.ending().orElseThrow().fence();
      ExitReport unproven = unproven(ExitReport.Outcome.SHIM_LOST, old, now);
      next = state.close(old, unproven);
      actions.add(new GroupAction.Tell(new GroupReport.Exited(old, unproven)));
    }
    Optional<WorkerGroup> waiting =
        next.current()
            .filter(group -> group.phase() == WorkerGroup.Phase.PREPARING)
            .filter(group -> group.fence().plan() == input.plan());
    if (waiting.isEmpty()) {
      return new GroupDecision(
          next, actions, Reason.of(STALE, "nobody waits for the clearing of %d", input.plan()));
    }
    WorkerGroup group = waiting.get();
    if (input.left().isEmpty()) {
      actions.add(new GroupAction.RunPreflight(group.launch()));
      return new GroupDecision(
          next, actions, Reason.of(PREPARING, "no old process is left before %s", group.fence()));
    }
    Reason reason =
        Reason.of(
            OLD_GROUP_WILL_NOT_END,
            "%s: processes of an earlier attempt outlive SIGKILL: %s; look at them, reboot the host"
                + " if they are in uninterruptible sleep",
            group.launch().node(),
            String.join(", ", input.left()));
    return refuse(next, group.fence(), reason, actions, now);
  }

  GroupDecision onPreflightPassed(AgentState state, GroupInput.PreflightPassed input) {
    return isPreparing(state, input.fence())
        .map(
            group ->
                new GroupDecision(
                    state.withCurrent(group.prepared(input.readiness())),
                    List.of(
                        new GroupAction.Tell(
                            new GroupReport.Prepared(group.fence(), input.readiness()))),
                    Reason.of(ALL_PREPARED, "%s is prepared", group.fence())))
        .orElseGet(() -> nothing(state, STALE, "%s does not prepare", input.fence()));
  }

  GroupDecision onPreflightFailed(AgentState state, GroupInput.PreflightFailed input, Instant now) {
    return isPreparing(state, input.fence())
        .map(group -> refuse(state, group.fence(), input.reason(), new ArrayList<>(), now))
        .orElseGet(() -> nothing(state, STALE, "%s does not prepare", input.fence()));
  }

  GroupDecision onWorkersSeen(AgentState state, GroupInput.WorkersSeen input) {
    Optional<WorkerGroup> known = state.currently(input.fence());
    if (known.isEmpty()) {
      return nothing(state, STALE, "%s is not current", input.fence());
    }
    WorkerGroup group = known.get();
    return switch (group.phase()) {
      case STARTING ->
          new GroupDecision(
              state.withCurrent(group.running(input.workers())),
              List.of(
                  new GroupAction.Tell(new GroupReport.Started(group.fence(), input.workers()))),
              Reason.of(
                  ALL_STARTED, "%s runs with %d workers", group.fence(), input.workers().size()));
      case RUNNING, STOPPING ->
          nothing(state, NOTHING_TO_DO, "%s was seen running before", group.fence());
      case PREPARING, PREPARED ->
          nothing(state, STALE, "%s was never started by this memory", group.fence());
    };
  }

  GroupDecision onGroupExited(AgentState state, GroupInput.GroupExited input) {
    Fence fence = input.fence();
    Optional<ClosedFence> closed = state.closed(fence);
    if (closed.isPresent()) {
      return provenLater(state, closed.get(), input.report());
    }
    boolean isOurs =
        state.isEnding(fence)
            || state.currently(fence).filter(WorkerGroup::mayHaveProcesses).isPresent();
    if (!isOurs) {
      return nothing(state, STALE, "%s is not current", fence);
    }
    return new GroupDecision(
        state.close(fence, input.report()),
        List.of(new GroupAction.Tell(new GroupReport.Exited(fence, input.report()))),
        reasonOf(fence, input.report()));
  }

  private static GroupDecision provenLater(AgentState state, ClosedFence closed, ExitReport proof) {
    if (closed.report().treeGone() || !proof.treeGone()) {
      return nothing(state, STALE, "%s is closed", closed.fence());
    }
    var proven = ClosedFence.exited(closed.fence(), withTreeGone(closed.report()));
    return new GroupDecision(
        state.withClosed(proven),
        List.of(new GroupAction.Tell(proven.tell())),
        Reason.of(FINISHING, "%s is now proven gone", closed.fence()));
  }

  // --- leaves -----------------------------------------------------------------------------------

  private static Optional<WorkerGroup> isPreparing(AgentState state, Fence fence) {
    return state.currently(fence).filter(group -> group.phase() == WorkerGroup.Phase.PREPARING);
  }

  private static Optional<WorkerGroup> isPrepared(AgentState state, Fence fence) {
    return state.currently(fence).filter(group -> group.phase() == WorkerGroup.Phase.PREPARED);
  }

  private static GroupDecision refuse(
      AgentState state, Fence fence, Reason reason, List<GroupAction> actions, Instant now) {
    var refused = ClosedFence.refused(fence, reason, ExitReport.neverStarted(reason, now));
    actions.add(new GroupAction.Tell(refused.tell()));
    return new GroupDecision(state.close(refused), actions, reason);
  }

  private static GroupAction clear(AgentState state, long plan) {
    return new GroupAction.ClearNode(
        plan, state.ending().map(old -> List.of(old.fence())).orElse(List.of()));
  }

  private static ExitReport unproven(ExitReport.Outcome outcome, Fence fence, Instant now) {
    return new ExitReport(
        outcome,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        false,
        false,
        Optional.of(
            Reason.of(
                OLD_GROUP_WILL_NOT_END,
                "%s was killed and is not proven gone; it is looked for until it is",
                fence)),
        List.of(),
        now);
  }

  private static ExitReport withTreeGone(ExitReport report) {
    return new ExitReport(
        report.outcome(),
        report.exitCode(),
        report.signal(),
        report.firstFailure(),
        true,
        report.portTaken(),
        report.reason(),
        report.tail(),
        report.endedAt());
  }

  private static Reason reasonOf(Fence fence, ExitReport report) {
    return report
        .reason()
        .orElseGet(
            () ->
                switch (report.outcome()) {
                  case SUCCEEDED -> Reason.of(SUCCEEDED, "%s exited with 0", fence);
                  case STOPPED -> Reason.of(FINISHING, "%s was stopped", fence);
                  case NEVER_STARTED -> Reason.of(FINISHING, "%s never started", fence);
                  case FAILED, SHIM_LOST ->
                      Reason.of(
                          WORKERS_FAILED,
                          "%s failed: %s",
                          fence,
                          report
                              .firstFailure()
                              .map(ExitReport.FirstFailure::message)
                              .orElse(report.outcome().name()));
                });
  }

  private static GroupDecision tell(
      AgentState state, GroupReport report, ReasonCode code, String format, Object... args) {
    return new GroupDecision(
        state, List.of(new GroupAction.Tell(report)), Reason.of(code, format, args));
  }

  private static GroupDecision nothing(
      AgentState state, ReasonCode code, String format, Object... args) {
    return new GroupDecision(state, List.of(), Reason.of(code, format, args));
  }
}
