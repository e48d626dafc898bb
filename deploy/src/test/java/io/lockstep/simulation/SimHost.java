package io.lockstep.simulation;

import io.lockstep.agent.core.AgentState;
import io.lockstep.agent.core.GroupInput;
import io.lockstep.agent.core.StartOrder;
import io.lockstep.coordinator.seat.SeatId;
import io.lockstep.coordinator.seat.SeatsSaid;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.NodeInventory;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/** One host: its processes, its disk, and the daemon with the agent that is there now. */
final class SimHost {
  private static final int SEATS_MILLIS = 2_000;

  final String name;
  final NodeId id;
  private final Simulation sim;
  private final Optional<SimSeat> seat;
  private final List<SimGroup> processes = new ArrayList<>();
  private Map<Fence, GroupFiles> folders = new HashMap<>();
  private AgentState memory;
  private Optional<Hands> daemon = Optional.empty();
  private Optional<SimAgent> agent = Optional.empty();
  private SeatsSaid known = new SeatsSaid(Optional.empty(), 0, 0, List.of(), Optional.empty());
  private boolean up = true;
  private boolean sick;
  private boolean inPairs;
  private int boots = 1;
  private int disks = 1;
  private int lives;
  private final double clockRate;

  SimHost(Simulation sim, String name, Optional<SimSeat> seat) {
    this.sim = sim;
    this.name = name;
    this.id = new NodeId(name);
    this.seat = seat;
    this.memory = AgentState.empty(diskId());
    this.clockRate = 1 + (sim.schedule.between(0, 200) - 100) / 10_000.0;
  }

  /** How fast its clock runs: up to 1 % from the truth. */
  double clockRate() {
    return clockRate;
  }

  private String diskId() {
    return name + "-disk-" + disks;
  }

  String bootId() {
    return name + "-boot-" + boots;
  }

  NodeInventory inventory() {
    return new NodeInventory(name, name, bootId(), 8, 64L << 30, List.of(), "python3", "0", -1);
  }

  boolean hasSeat() {
    return seat.isPresent();
  }

  SimSeat seat() {
    return seat.orElseThrow();
  }

  boolean hasDaemon() {
    return daemon.isPresent();
  }

  boolean keepsNoPool() {
    return daemon.flatMap(Hands::warmPool).isEmpty();
  }

  AgentState memory() {
    return memory;
  }

  void remember(AgentState state) {
    memory = state;
  }

  GroupFiles folder(Fence fence) {
    return folders.computeIfAbsent(fence, f -> new GroupFiles());
  }

  // who the seats are, as this daemon knows it; mirrors KnownSeats

  List<SeatId> knownSeats() {
    return known.seats().isEmpty()
        ? sim.seatIds()
        : known.seats().stream().map(SeatId::new).toList();
  }

  /** Only where seats move: else it is what the settings say. */
  void lookForSeats() {
    sim.schedule.after(SEATS_MILLIS, this::lookForSeats);
    if (!hasDaemon()) {
      return;
    }
    heard(seat().seats());
    var places = new LinkedHashSet<>(knownSeats());
    places.addAll(sim.seatIds());
    for (SeatId place : places) {
      SimHost there = sim.seatHost(place);
      sim.network.send(
          name,
          there.name,
          () -> {
            if (there.hasDaemon()) {
              SeatsSaid said = there.seat().seats();
              sim.network.send(there.name, name, () -> heard(said));
            }
          });
    }
  }

  private void heard(SeatsSaid said) {
    boolean isNewer =
        said.term() > known.term() || (said.term() == known.term() && said.set() > known.set());
    if (said.set() > 0 && isNewer) {
      known = said;
    }
  }

  // life of the daemon

  void startDaemon() {
    if (up && daemon.isEmpty()) {
      sim.trace.detail("%s: daemon starts", id);
      daemon = Optional.of(new Hands(sim, this));
      seat.ifPresent(SimSeat::restart);
      startAgent();
    }
  }

  void startAgent() {
    if (daemon.isPresent() && agent.isEmpty()) {
      lives++;
      var started = new SimAgent(sim, this, daemon.get(), lives);
      agent = Optional.of(started);
      started.start();
    }
  }

  /** The actor system ended; the daemon's process lives on. */
  void stopAgent() {
    agent.ifPresent(SimAgent::stop);
    agent = Optional.empty();
  }

  /** The daemon's process died; groups and shims live on. */
  void killDaemon() {
    if (daemon.isPresent()) {
      sim.trace.detail("%s: daemon dies", id);
      stopAgent();
      daemon.get().close();
      daemon = Optional.empty();
      seat.ifPresent(SimSeat::crash);
      sim.singleton.hostLeft(this);
    }
  }

  /** The data directory of the agent is lost; the seat's is another simulation's affair. */
  void loseDisk() {
    killDaemon();
    sim.trace.detail("%s: the agent's disk is lost", id);
    disks++;
    memory = AgentState.empty(diskId());
    folders = new HashMap<>();
  }

  void crash() {
    killDaemon();
    sim.trace.detail("%s: host crashes", id);
    up = false;
    List.copyOf(processes).forEach(SimGroup::vanish);
    processes.clear();
  }

  void boot() {
    if (!up) {
      sim.trace.detail("%s: host boots", id);
      up = true;
      boots++;
    }
    startDaemon();
  }

  void deliver(AgentRef to, GroupInput command) {
    agent.filter(a -> a.ref.equals(to)).ifPresent(a -> a.apply(command));
  }

  Optional<SimAgent> agent() {
    return agent;
  }

  // pair checks

  /** From now on nothing gets through to or from it in a pair check. */
  void becomeSick() {
    sick = true;
  }

  boolean isSick() {
    return sick;
  }

  /** One at a time, and never beside a job. */
  boolean beginsPairs() {
    if (inPairs || isAlive(fence -> true)) {
      return false;
    }
    inPairs = true;
    return true;
  }

  void endsPairs() {
    inPairs = false;
  }

  // processes

  SimGroup fork(LaunchSpec launch, StartOrder order) {
    var group = new SimGroup(sim, this, launch, order);
    processes.removeIf(g -> !g.isAlive());
    processes.add(group);
    sim.invariants.forked(group);
    sim.worldChanged();
    group.begin();
    return group;
  }

  /** The living ones. */
  List<SimGroup> groups(Predicate<Fence> wanted) {
    return processes.stream().filter(g -> g.isAlive() && wanted.test(g.fence())).toList();
  }

  boolean isAlive(Predicate<Fence> wanted) {
    return processes.stream().anyMatch(g -> g.isAlive() && wanted.test(g.fence()));
  }

  Optional<SimGroup> group(Fence fence) {
    return processes.stream().filter(g -> g.fence().equals(fence)).findFirst();
  }

  Set<Fence> livingFences() {
    var fences = new HashSet<Fence>();
    groups(f -> true).forEach(g -> fences.add(g.fence()));
    return fences;
  }
}
