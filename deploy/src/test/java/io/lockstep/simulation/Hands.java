package io.lockstep.simulation;

import io.lockstep.agent.core.GroupAction;
import io.lockstep.agent.core.GroupInput;
import io.lockstep.agent.core.Readiness;
import io.lockstep.agent.core.StartOrder;
import io.lockstep.agent.core.WorkerGroup;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.ExitReport.Outcome;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.GroupActivity;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import io.lockstep.protocol.model.WarmStatus;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Mirrors AgentHost and ProcessGroups: one daemon process's hands. What starts and what ends groups
 * happens in order, one after the other.
 */
final class Hands {
  private static final int SCAN_KILL_MILLIS = 12_000;
  private static final int LEFTOVER_MILLIS = 2_000;
  private static final int LOOK_AGAIN_MILLIS = 50;
  private static final int FIRST_STEPS_MILLIS = 5_000;

  private final Simulation sim;
  private final SimHost host;
  private final Map<Fence, SimGroup> living = new LinkedHashMap<>();
  private final Map<Fence, ExitReport> ended = new HashMap<>();
  private final Set<Fence> forbidden = new HashSet<>();
  private final Set<Fence> pending = new HashSet<>();
  private final Set<Fence> endingNow = new HashSet<>();
  private final Deque<Operation> operations = new ArrayDeque<>();
  private @Nullable SimAgent listener;
  private Optional<Pool> pool = Optional.empty();
  private boolean busy;
  private boolean closed;
  private long floor;

  /** For the job that trains here, or by an order for the one that this host is a spare of. */
  private record Pool(JobId job, Optional<Fence> standsBy) {}

  private interface Operation {
    void run(Runnable done);
  }

  Hands(Simulation sim, SimHost host) {
    this.sim = sim;
    this.host = host;
  }

  void attach(SimAgent agent) {
    listener = agent;
  }

  void detach(SimAgent agent) {
    if (listener == agent) {
      listener = null;
    }
  }

  /** The daemon process ended; groups run on. */
  void close() {
    closed = true;
    listener = null;
  }

  private void tell(GroupInput input) {
    SimAgent to = listener;
    if (to != null && !closed) {
      to.apply(input);
    }
  }

  Optional<CompleteCheckpoint> lastCheckpoint(WorkerGroup group) {
    return group.launch().nodeRank() == 0
        ? sim.folder(group.fence().job()).newest()
        : Optional.empty();
  }

  Optional<GroupActivity> activity(WorkerGroup group) {
    return host.groups(group.fence()::equals).stream().findFirst().flatMap(SimGroup::activity);
  }

  void perform(GroupAction action) {
    if (action instanceof GroupAction.BelongTo) {
      sim.trace.detail("%s: a simulation has one founding", host.id);
    } else if (action instanceof GroupAction.ClearNode clear) {
      perform(done -> clearNow(clear.plan(), clear.known(), done));
    } else if (action instanceof GroupAction.RunPreflight run) {
      preflight(run.launch());
    } else if (action instanceof GroupAction.Launch launch) {
      launch(launch.launch(), launch.order());
    } else if (action instanceof GroupAction.FindGroup find) {
      perform(done -> findNow(find.launch(), done));
    } else if (action instanceof GroupAction.StopGroup stop) {
      perform(
          done -> {
            stopNow(stop.fence(), stop.grace());
            done.run();
          });
    } else if (action instanceof GroupAction.TakeStacks take) {
      if (sim.schedule.oneIn(2)) { // else they never come
        host.groups(take.fence()::equals).forEach(SimGroup::takeStacks);
      }
    } else if (action instanceof GroupAction.StandBy standBy) {
      perform(
          done -> {
            pool = standBy.order().map(o -> new Pool(o.fence().job(), Optional.of(o.fence())));
            done.run();
          });
    } else if (action instanceof GroupAction.StartIsOver over) {
      sim.trace.detail("%s: the start of %s is over", host.id, over.fence());
    } else if (action instanceof GroupAction.KillGroup kill) {
      kill(kill.fence());
    } else {
      throw new IllegalArgumentException("not for the host: " + action);
    }
  }

  /** The standby of this daemon; it ends with it. */
  Optional<WarmStatus> warmPool() {
    return pool.map(
        p ->
            new WarmStatus(
                p.job(), p.standsBy(), WarmStatus.Phase.READY, Optional.empty(), Optional.empty()));
  }

  // files

  private void preflight(LaunchSpec launch) {
    sim.schedule.after(
        sim.schedule.between(10, 500),
        () -> {
          if (sim.schedule.oneIn(100)) {
            tell(
                new GroupInput.PreflightFailed(
                    launch.fence(), Reason.of(ReasonCode.NO_FREE_PORT, "no port is free")));
            return;
          }
          Optional<Integer> port =
              launch.nodeRank() == 0
                  ? Optional.of(29_500 + sim.schedule.below(1_000))
                  : Optional.empty();
          tell(
              new GroupInput.PreflightPassed(
                  launch.fence(),
                  new Readiness(
                      port,
                      Optional.empty(),
                      "script",
                      sim.folder(launch.fence().job()).inventory())));
        });
  }

  private void launch(LaunchSpec launch, StartOrder order) {
    pending.add(launch.fence());
    sim.schedule.after(
        sim.schedule.between(5, 300),
        () -> {
          if (closed) {
            return;
          }
          SharedFolder folder = sim.folder(launch.fence().job());
          if (order.resume().filter(c -> !folder.holds(c)).isPresent()) {
            pending.remove(launch.fence());
            tell(
                new GroupInput.GroupExited(
                    launch.fence(),
                    found(Outcome.FAILED, true, ReasonCode.CHECKPOINT_CHANGED, "it is gone")));
            return;
          }
          if (launch.nodeRank() == 0) {
            folder.moveAsideAfter(order.resume().map(CompleteCheckpoint::step).orElse(-1L));
            folder.mark(launch.fence().job().value(), launch.job().name());
          }
          perform(
              done ->
                  launchNow(
                      launch,
                      order,
                      () -> {
                        pending.remove(launch.fence());
                        done.run();
                      }));
        });
  }

  // one after the other

  private void perform(Operation operation) {
    operations.add(operation);
    next();
  }

  private void next() {
    if (!busy && !closed && !operations.isEmpty()) {
      busy = true;
      operations
          .remove()
          .run(
              () -> {
                busy = false;
                next();
              });
    }
  }

  private void later(int millis, Runnable action) {
    sim.schedule.after(
        millis,
        () -> {
          if (!closed) {
            action.run();
          }
        });
  }

  private void launchNow(LaunchSpec launch, StartOrder order, Runnable done) {
    Fence fence = launch.fence();
    if (living.containsKey(fence) || ended.containsKey(fence)) {
      findNow(launch, done);
      return;
    }
    if (forbidden.contains(fence) || fence.plan() < floor) {
      exited(
          fence,
          ExitReport.neverStarted(
              Reason.of(ReasonCode.FINISHING, "ended before it was forked"),
              sim.schedule.instant()));
      done.run();
      return;
    }
    boolean startedBefore = host.folder(fence).isStarted() || host.isAlive(f -> f.equals(fence));
    if ((startedBefore && sim.mutation != Mutation.FORK_BEFORE_STORED_AND_UNMARKED)
        || sim.schedule.oneIn(150)) {
      endProcesses(
          Set.of(fence),
          SCAN_KILL_MILLIS,
          left -> {
            exited(fence, found(Outcome.FAILED, !left, ReasonCode.LAUNCH_FAILED, "not launched"));
            done.run();
          });
      return;
    }
    pool = Optional.empty(); // adopted, or ended as another's
    SimGroup group = host.fork(launch, order);
    later(
        350,
        () -> {
          follow(group);
          done.run();
        });
  }

  private void follow(SimGroup group) {
    living.put(group.fence(), group);
    group.followedBy(this);
    if (group.workersAreUp()) {
      onWorkers(group);
    }
    if (!group.isShimAlive()) {
      onSilence(group);
    }
  }

  private void findNow(LaunchSpec launch, Runnable done) {
    Fence fence = launch.fence();
    SimGroup known = living.get(fence);
    ExitReport over = ended.get(fence);
    Optional<SimGroup> running = withShim(fence);
    if (known != null) {
      if (known.workersAreUp()) {
        onWorkers(known);
      }
    } else if (over != null) {
      tell(new GroupInput.GroupExited(fence, over));
    } else if (pending.contains(fence)) {
      sim.trace.detail("%s: %s is being launched", host.id, fence);
    } else if (running.isPresent() && host.folder(fence).report().isEmpty()) {
      follow(running.get());
    } else {
      proveEnd(
          fence,
          SCAN_KILL_MILLIS,
          report -> {
            exited(fence, report);
            done.run();
          });
      return;
    }
    done.run();
  }

  /** Found by its handle, which is in the data directory. */
  private Optional<SimGroup> withShim(Fence fence) {
    return host.folder(fence).isStarted()
        ? host.group(fence).filter(SimGroup::isShimAlive)
        : Optional.empty();
  }

  private void stopNow(Fence fence, Duration grace) {
    forbidden.add(fence);
    SimGroup group = living.get(fence);
    if (group != null) {
      group.stop(grace);
    }
  }

  private void kill(Fence fence) {
    if (endingNow.add(fence)) {
      perform(
          done -> {
            forbidden.add(fence);
            end(
                fence,
                LEFTOVER_MILLIS,
                () -> {
                  endingNow.remove(fence);
                  done.run();
                });
          });
    }
  }

  private void clearNow(long plan, List<Fence> known, Runnable done) {
    floor = Math.max(floor, plan);
    if (sim.mutation == Mutation.PREPARED_WITHOUT_CLEARING) {
      tell(new GroupInput.NodeCleared(plan, List.of()));
      done.run();
      return;
    }
    var all = new LinkedHashSet<>(living.keySet());
    all.addAll(known);
    endEach(
        new ArrayDeque<>(all),
        () ->
            endProcesses(
                host.livingFences(),
                SCAN_KILL_MILLIS,
                left -> {
                  tell(
                      new GroupInput.NodeCleared(
                          plan,
                          host.livingFences().stream().map(f -> "a process of " + f).toList()));
                  done.run();
                }));
  }

  private void endEach(Deque<Fence> fences, Runnable done) {
    if (fences.isEmpty()) {
      done.run();
    } else {
      end(fences.remove(), SCAN_KILL_MILLIS, () -> endEach(fences, done));
    }
  }

  private void end(Fence fence, int limit, Runnable done) {
    ExitReport over = ended.get(fence);
    if (!living.containsKey(fence) && over != null && over.treeGone()) {
      tell(new GroupInput.GroupExited(fence, over));
      done.run();
      return;
    }
    Optional<SimGroup> reached = Optional.ofNullable(living.get(fence)).or(() -> withShim(fence));
    reached.ifPresent(group -> group.stop(Duration.ZERO));
    // The shim reports within a second, or what it has not ended is killed past it.
    await(
        () -> reached.map(g -> !g.isShimAlive()).orElse(true),
        1_000,
        () ->
            proveEnd(
                fence,
                limit,
                report -> {
                  exited(fence, report);
                  done.run();
                }));
  }

  private void settle(SimGroup group, Runnable done) {
    if (living.get(group.fence()) != group
        || (host.folder(group.fence()).report().isEmpty() && group.isShimAlive())) {
      done.run();
      return;
    }
    proveEnd(
        group.fence(),
        SCAN_KILL_MILLIS,
        report -> {
          exited(group.fence(), report);
          done.run();
        });
  }

  /** Says how it ended and whether that is proof, having ended what was left. */
  private void proveEnd(Fence fence, int limit, Consumer<ExitReport> then) {
    GroupFiles files = host.folder(fence);
    boolean sameBoot = files.isOfBoot(host.bootId());
    Optional<ExitReport> report = files.report();
    if (report.filter(r -> r.treeGone() || !sameBoot).isPresent()) {
      then.accept(Ends.withTreeGone(report.get(), true));
      return;
    }
    endProcesses(
        sameBoot ? Set.of(fence) : Set.of(),
        limit,
        left ->
            then.accept(
                files
                    .report()
                    .map(last -> Ends.withTreeGone(last, !left))
                    .orElseGet(
                        () ->
                            found(
                                Outcome.SHIM_LOST,
                                !left,
                                ReasonCode.UNEXPECTED_EXIT,
                                sameBoot ? "its shim is gone" : "the host was rebooted"))));
  }

  /** Kills these fences' processes; says whether some are left at the limit. */
  private void endProcesses(Set<Fence> fences, int limit, Consumer<Boolean> then) {
    host.groups(fences::contains).forEach(SimGroup::kill);
    await(
        () -> !host.isAlive(fences::contains),
        limit,
        () -> then.accept(host.isAlive(fences::contains)));
  }

  private void await(BooleanSupplier over, int limit, Runnable then) {
    if (over.getAsBoolean() || limit <= 0) {
      then.run();
    } else {
      later(LOOK_AGAIN_MILLIS, () -> await(over, limit - LOOK_AGAIN_MILLIS, then));
    }
  }

  private void exited(Fence fence, ExitReport report) {
    living.remove(fence);
    ended.put(fence, report);
    tell(new GroupInput.GroupExited(fence, report));
  }

  private ExitReport found(Outcome outcome, boolean treeGone, ReasonCode code, String why) {
    return Ends.found(outcome, treeGone, code, why, sim.schedule.instant());
  }

  // what groups say

  void onWorkers(SimGroup group) {
    tell(new GroupInput.WorkersSeen(group.fence(), group.workers()));
    later(
        FIRST_STEPS_MILLIS,
        () -> {
          if (living.get(group.fence()) == group) {
            pool = Optional.of(new Pool(group.fence().job(), Optional.empty()));
          }
        });
  }

  void onSilence(SimGroup group) {
    if (!closed) {
      perform(done -> settle(group, done));
    }
  }
}
