package io.lockstep.simulation;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Akka's cluster singleton as the authority rules see it: it proposes, is late, and sometimes there
 * are two.
 */
final class Singleton {
  private static final long LOOK_MILLIS = 500;

  private final Simulation sim;
  private final List<SimCoordinator> running = new ArrayList<>();
  private final Map<SimHost, SimCoordinator> proxies = new HashMap<>();
  private boolean starting;
  private boolean stopping;
  private int started;

  Singleton(Simulation sim) {
    this.sim = sim;
  }

  void watch() {
    sim.schedule.after(LOOK_MILLIS, this::watch);
    running.removeIf(c -> !c.isRunning());
    sim.hosts().forEach(this::findAgain);
    long awake = running.stream().filter(SimCoordinator::isAwake).count();
    if (awake == 0 && !starting) {
      starting = true;
      sim.schedule.after(sim.schedule.between(500, 6_000), this::startSomewhere);
    } else if (awake > 1 && !stopping) {
      stopping = true;
      sim.schedule.after(
          sim.schedule.between(500, 6_000),
          () -> {
            stopping = false;
            if (running.stream().filter(SimCoordinator::isAwake).count() > 1) {
              running.remove(0).stop();
            }
          });
    }
  }

  /** A proxy whose coordinator is gone looks for another, in its own time. */
  private void findAgain(SimHost host) {
    boolean lost = proxyOf(host).filter(SimCoordinator::isRunning).isEmpty();
    if (lost && !running.isEmpty() && sim.schedule.below(4) == 0) {
      proxies.put(host, running.get(running.size() - 1));
    }
  }

  void startSomewhere() {
    starting = false;
    List<SimHost> free =
        sim.hosts().stream()
            .filter(h -> h.hasSeat() && h.hasDaemon())
            .filter(h -> running.stream().noneMatch(c -> c.isRunning() && c.host == h))
            .toList();
    if (free.isEmpty()) {
      return;
    }
    started++;
    var coordinator = new SimCoordinator(sim, free.get(sim.schedule.below(free.size())), started);
    running.add(coordinator);
    coordinator.start();
    for (SimHost host : sim.hosts()) {
      sim.schedule.after(
          sim.schedule.between(1, 2_000),
          () -> {
            if (coordinator.isRunning()) {
              proxies.put(host, coordinator);
            }
          });
    }
  }

  Optional<SimCoordinator> proxyOf(SimHost host) {
    return Optional.ofNullable(proxies.get(host));
  }

  void hostLeft(SimHost host) {
    running.stream().filter(c -> c.host == host).forEach(SimCoordinator::stop);
    running.removeIf(c -> c.host == host);
  }

  Optional<SimCoordinator> any() {
    return running.isEmpty()
        ? Optional.empty()
        : Optional.of(running.get(sim.schedule.below(running.size())));
  }

  void thawAll() {
    running.forEach(SimCoordinator::thaw);
  }
}
