package io.lockstep.simulation;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** Lets things fail; every schedule has its own mixture of faults. */
final class Chaos {
  private enum Fault {
    WORKER_CRASH,
    SCRIPT_ERROR,
    SHIM_KILLED,
    SHIM_FROZEN,
    AGENT_RESTART,
    DAEMON_CRASH,
    HOST_CRASH,
    AGENT_DISK_LOST,
    COORDINATOR_STOP,
    COORDINATOR_FREEZE,
    SECOND_COORDINATOR,
    SEAT_CRASH,
    CUT,
    CUT_ONE_WAY,
    ISOLATE,
    ALL_DAEMONS,
    ALL_HOSTS,
    WEATHER
  }

  private final Simulation sim;
  private final List<Fault> mixture = new ArrayList<>();
  private final int pause;
  private final Map<Fault, Integer> happened = new EnumMap<>(Fault.class);
  private boolean over;

  Chaos(Simulation sim) {
    this.sim = sim;
    for (Fault fault : Fault.values()) {
      if (sim.schedule.oneIn(2)) {
        mixture.add(fault);
      }
    }
    this.pause = sim.schedule.between(1_000, 15_000);
  }

  void begin() {
    weather();
    strike();
  }

  void end() {
    over = true;
  }

  boolean isOver() {
    return over;
  }

  int count() {
    return happened.values().stream().mapToInt(i -> i).sum();
  }

  private void strike() {
    if (over) {
      return;
    }
    sim.schedule.after(sim.schedule.between(200, pause), this::strike);
    if (!mixture.isEmpty()) {
      Fault fault = mixture.get(sim.schedule.below(mixture.size()));
      happened.merge(fault, 1, Integer::sum);
      sim.trace.detail("--- %s", fault);
      strike(fault, anyHost());
    }
  }

  private void strike(Fault fault, SimHost host) {
    switch (fault) {
      case WORKER_CRASH ->
          anyGroup(g -> g.crash(Ends.killed(g.launch.nodeRank(), sim.schedule.instant())));
      case SCRIPT_ERROR ->
          anyGroup(
              g ->
                  g.crash(
                      Ends.raised(
                          g.launch.nodeRank(),
                          "error " + sim.schedule.below(4),
                          sim.schedule.instant())));
      case SHIM_KILLED -> anyGroup(SimGroup::loseShim);
      case SHIM_FROZEN ->
          anyGroup(
              g -> {
                g.freezeShim();
                later(500, 20_000, g::thawShim);
              });
      case AGENT_RESTART -> {
        host.stopAgent();
        later(10, 5_000, host::startAgent);
      }
      case DAEMON_CRASH -> {
        host.killDaemon();
        later(300, 25_000, host::startDaemon);
      }
      case HOST_CRASH -> {
        host.crash();
        later(3_000, 40_000, host::boot);
      }
      case AGENT_DISK_LOST -> {
        host.loseDisk();
        later(300, 20_000, host::startDaemon);
      }
      case COORDINATOR_STOP -> sim.singleton.any().ifPresent(SimCoordinator::stop);
      case COORDINATOR_FREEZE ->
          sim.singleton
              .any()
              .ifPresent(
                  c -> {
                    c.freeze();
                    later(500, 25_000, c::thaw);
                  });
      case SECOND_COORDINATOR -> sim.singleton.startSomewhere();
      case SEAT_CRASH -> {
        if (host.hasSeat()) {
          host.seat().crash();
          later(200, 8_000, host.seat()::restart);
        }
      }
      case CUT -> {
        SimHost other = anyHost();
        cut(host, other, sim.schedule.between(500, 40_000));
        cut(other, host, sim.schedule.between(500, 40_000));
      }
      case CUT_ONE_WAY -> cut(host, anyHost(), sim.schedule.between(500, 40_000));
      case ISOLATE -> {
        int millis = sim.schedule.between(500, 60_000);
        for (SimHost other : sim.hosts()) {
          cut(host, other, millis);
          cut(other, host, millis);
        }
      }
      case ALL_DAEMONS ->
          sim.hosts()
              .forEach(
                  h -> {
                    h.killDaemon();
                    later(300, 10_000, h::startDaemon);
                  });
      case ALL_HOSTS -> {
        if (sim.schedule.oneIn(3)) {
          sim.hosts()
              .forEach(
                  h -> {
                    h.crash();
                    later(3_000, 20_000, h::boot);
                  });
        }
      }
      case WEATHER -> weather();
    }
  }

  private void weather() {
    sim.network.weather(
        sim.schedule.below(4) * 0.06,
        sim.schedule.below(3) * 0.08,
        new int[] {3, 30, 200, 1_500, 6_000}[sim.schedule.below(5)]);
  }

  private void cut(SimHost from, SimHost to, int millis) {
    if (from != to) {
      sim.network.cut(from.name, to.name);
      sim.schedule.after(millis, () -> sim.network.heal(from.name, to.name));
    }
  }

  private void later(int low, int high, Runnable repair) {
    sim.schedule.after(sim.schedule.between(low, high), repair);
  }

  private SimHost anyHost() {
    return sim.hosts().get(sim.schedule.below(sim.hosts().size()));
  }

  private void anyGroup(Consumer<SimGroup> what) {
    List<SimGroup> living = sim.livingGroups();
    if (!living.isEmpty()) {
      what.accept(living.get(sim.schedule.below(living.size())));
    }
  }
}
