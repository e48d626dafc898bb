package io.lockstep.simulation;

import io.lockstep.agent.core.StartOrder;
import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.GroupActivity;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.WorkerInfo;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** One group's processes on one host: launcher, shim, torchrun and workers as one life. */
final class SimGroup {
  /** All but GONE means that processes live. */
  enum Phase {
    LAUNCHING,
    LEASING,
    JOINING,
    WAITING_FOR_PEERS,
    TRAINING,
    ENDING,
    GONE
  }

  private static final int RENDEZVOUS_MILLIS = 60_000;

  final SimHost host;
  final LaunchSpec launch;
  final StartOrder order;
  private final Simulation sim;
  private final Gang gang;
  private final boolean obeysTerm;
  private final boolean stuck;
  private final boolean leavesSome;
  private final SimLease lease;
  private Phase phase = Phase.LAUNCHING;
  private boolean shimAlive;
  private boolean shimFrozen;
  private boolean finished;
  private boolean killed;
  private long still;
  private long stacksAt = -1;
  private long stopBy = Long.MAX_VALUE;
  private @Nullable Hands follower;

  SimGroup(Simulation sim, SimHost host, LaunchSpec launch, StartOrder order) {
    this.sim = sim;
    this.host = host;
    this.launch = launch;
    this.order = order;
    this.gang = sim.gang(launch);
    this.obeysTerm = !sim.schedule.oneIn(4);
    this.stuck = sim.schedule.oneIn(40);
    this.leavesSome = sim.schedule.oneIn(30);
    this.lease = new SimLease(sim, this);
  }

  Fence fence() {
    return launch.fence();
  }

  Phase phase() {
    return phase;
  }

  boolean isAlive() {
    return phase != Phase.GONE;
  }

  boolean isShimAlive() {
    return shimAlive;
  }

  boolean isFinished() {
    return finished;
  }

  boolean workersAreUp() {
    return phase == Phase.TRAINING;
  }

  List<WorkerInfo> workers() {
    int procs = launch.rankTable().procsPerNode();
    return IntStream.range(0, procs)
        .mapToObj(i -> new WorkerInfo(launch.nodeRank() * procs + i, i, 1_000L + i))
        .toList();
  }

  /** From now on this daemon hears of it. */
  void followedBy(Hands hands) {
    follower = hands;
  }

  // life

  void begin() {
    in(sim.schedule.between(50, 300), Phase.LAUNCHING, this::shimIsUp);
  }

  private void shimIsUp() {
    shimAlive = true;
    phase = Phase.LEASING;
    host.folder(fence()).shimStarted(host.bootId());
    if (sim.mutation == Mutation.FORK_BEFORE_GRANT) {
      join();
    }
    lease.begin();
  }

  /** A majority of seats has granted: now torchrun is forked (A16). */
  void leased() {
    if (phase == Phase.LEASING) {
      join();
    }
  }

  private void join() {
    phase = Phase.JOINING;
    sim.invariants.torchrunForked(this);
    sim.worldChanged();
    in(sim.schedule.between(300, 4_000), Phase.JOINING, this::torchrunIsUp);
  }

  /** As the shim does it when its lease has run out, or a seat says that the attempt is over. */
  void loseLease() {
    if (isAlive() && phase != Phase.ENDING) {
      sim.trace.detail("%s: %s has no lease any more", host.id, fence());
      end(Ends.torchrunFailed(sim.schedule.instant()));
    }
  }

  boolean shimIsAwake() {
    return shimAlive && !shimFrozen && isAlive();
  }

  void freezeShim() {
    shimFrozen = true;
  }

  void thawShim() {
    shimFrozen = false;
  }

  private void torchrunIsUp() {
    if (sim.schedule.oneIn(80)) {
      end(Ends.torchrunFailed(sim.schedule.instant()));
    } else if (launch.nodeRank() == 0 && sim.schedule.oneIn(80)) {
      end(Ends.portTaken(sim.schedule.instant()));
    } else {
      phase = Phase.WAITING_FOR_PEERS;
      in(
          RENDEZVOUS_MILLIS,
          Phase.WAITING_FOR_PEERS,
          () -> end(Ends.torchrunFailed(sim.schedule.instant())));
      gang.joined(this);
    }
  }

  void peersAreThere() {
    in(
        sim.schedule.between(50, 400),
        Phase.WAITING_FOR_PEERS,
        () -> {
          phase = Phase.TRAINING;
          tell(hands -> hands.onWorkers(this));
        });
  }

  void finish() {
    in(
        sim.schedule.between(20, 1_500),
        Phase.TRAINING,
        () -> {
          finished = true;
          end(Ends.succeeded(sim.schedule.instant()));
        });
  }

  void losePeer() {
    in(
        sim.schedule.between(300, 4_000),
        Phase.TRAINING,
        () -> end(Ends.peerLost(launch.nodeRank(), sim.schedule.instant())));
  }

  /** Nothing of this gang moves any more. */
  void hang() {
    if (phase == Phase.TRAINING) {
      gang.hang();
    }
  }

  void takeStacks() {
    stacksAt = sim.schedule.now();
  }

  /** As the shim measures it; a frozen one says what it said. */
  Optional<GroupActivity> activity() {
    if (phase != Phase.TRAINING) {
      return Optional.empty();
    }
    if (shimIsAwake()) {
      still = gang.stillMillis();
    }
    Optional<GroupActivity.Stacks> stacks =
        stacksAt < 0
            ? Optional.empty()
            : Optional.of(
                new GroupActivity.Stacks(sim.schedule.now() - stacksAt, List.of(), "stacks"));
    return Optional.of(new GroupActivity(still, still, 0, 0, false, 0, List.of(), stacks));
  }

  void crash(ExitReport how) {
    if (phase == Phase.TRAINING) {
      end(how);
    }
  }

  /** The shim is killed alone: its guard ends what it started, and nobody will report. */
  void loseShim() {
    if (shimAlive) {
      shimAlive = false;
      lease.shimDied();
      tell(hands -> hands.onSilence(this));
    }
  }

  /** As the shim does: TERM, and KILL at the end of the grace. */
  void stop(Duration grace) {
    if (!shimIsAwake() || phase == Phase.ENDING) {
      return;
    }
    if (grace.isZero() || phase == Phase.LEASING) {
      end(Ends.stopped(sim.schedule.instant()));
      return;
    }
    stopBy = Math.min(stopBy, sim.schedule.now() + grace.toMillis());
    long by = stopBy;
    long ends = obeysTerm ? Math.min(by, sim.schedule.now() + 800) : by;
    sim.schedule.after(
        ends - sim.schedule.now(),
        () -> {
          if (phase != Phase.ENDING && shimIsAwake()) {
            end(Ends.stopped(sim.schedule.instant()));
          }
        });
  }

  /** SIGKILL to every process, shim or not. */
  void kill() {
    if (killed || phase == Phase.GONE) {
      return;
    }
    killed = true;
    shimAlive = false;
    phase = Phase.ENDING;
    gang.left(this);
    tell(hands -> hands.onSilence(this)); // its socket is closed
    sim.schedule.after(deathMillis(), () -> gone(Optional.empty()));
  }

  /** The host went down. */
  void vanish() {
    shimAlive = false;
    follower = null;
    if (phase != Phase.GONE) {
      phase = Phase.GONE;
      gang.left(this);
      sim.worldChanged();
    }
  }

  private void end(ExitReport report) {
    phase = Phase.ENDING;
    gang.left(this);
    if (!shimAlive) {
      sim.schedule.after(deathMillis(), () -> gone(Optional.empty()));
    } else if (leavesSome) {
      // The shim cannot end them all, and says so.
      int after = sim.schedule.between(5_000, 20_000);
      sim.schedule.after(500, () -> reported(Ends.withTreeGone(report, false)));
      sim.schedule.after(after, () -> gone(Optional.empty()));
    } else {
      sim.schedule.after(deathMillis(), () -> gone(Optional.of(report)));
    }
  }

  private int deathMillis() {
    return stuck ? sim.schedule.between(8_000, 40_000) : sim.schedule.between(30, 900);
  }

  private void gone(Optional<ExitReport> report) {
    if (phase != Phase.GONE) {
      phase = Phase.GONE;
      sim.worldChanged();
      report.filter(r -> shimAlive && !killed).ifPresent(this::reported);
      shimAlive = false;
    }
  }

  private void reported(ExitReport report) {
    if (shimAlive) {
      host.folder(fence()).report(report);
      shimAlive = false;
      tell(hands -> hands.onSilence(this));
    }
  }

  private void tell(Consumer<Hands> what) {
    Hands to = follower;
    if (to != null) {
      what.accept(to);
    }
  }

  private void in(int millis, Phase wanted, Runnable action) {
    sim.schedule.after(
        millis,
        () -> {
          if (phase == wanted) {
            action.run();
            sim.worldChanged();
          }
        });
  }
}
