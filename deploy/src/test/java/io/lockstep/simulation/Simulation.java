package io.lockstep.simulation;

import io.lockstep.coordinator.actor.CoordinatorAnswer;
import io.lockstep.coordinator.actor.StateCodec;
import io.lockstep.coordinator.core.Node;
import io.lockstep.coordinator.core.QuarantinePolicy;
import io.lockstep.coordinator.seat.FoundingId;
import io.lockstep.coordinator.seat.SeatChange;
import io.lockstep.coordinator.seat.SeatId;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.LaunchSpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** One virtual cluster from one seed: hosts, seats, agents, coordinators, jobs and people. */
final class Simulation {
  static final Duration NODE_SILENT_AFTER = Duration.ofSeconds(10);

  private static final long SETTLE_MILLIS = 1_200_000;

  /** For the longest pause of a healthy node that met sick ones alone. */
  private static final long QUARANTINES_END_MILLIS = 2_400_000;

  private static final int DEFAULT_WORK = 30;

  /** One seed in so many stores text that is written and read; the others remember. */
  private static final int SEEDS_PER_TEXT = 16;

  final StateCodec codec;
  final Schedule schedule;
  final Trace trace;
  final Mutation mutation;
  final Network network;
  final Singleton singleton;
  final TrueHistory history;
  final Invariants invariants;
  final Operators operators;
  final int stepsBetweenCheckpoints;
  private final List<SimHost> hosts = new ArrayList<>();
  private final Map<SeatId, SimHost> seats = new HashMap<>();

  private final Theme theme;

  private boolean longQuiet;
  int hangsFound;
  int provenNodes;
  int keptNodes;
  private int seatChanges;
  private final List<SeatId> seatIds = new ArrayList<>();
  private final Map<Fence, Gang> gangs = new HashMap<>();
  private final Map<JobId, SharedFolder> folders = new HashMap<>();
  private final Map<JobId, Integer> work = new HashMap<>();
  private boolean changed;
  private long steps;

  /** What goes wrong beside the faults of every run. */
  enum Theme {
    NOTHING,
    /** People change who is a seat: every host has one, of which some are asleep. */
    MOVING_SEATS,
    /** The same, where the network comes apart between the old seats and the new. */
    SEATS_APART,
    /** Gangs hang, and are given little time. */
    HANGS,
    /** One loss is enough for a short quarantine; one node may fail with whomever it meets. */
    FLAPPING
  }

  /** What a run came to. */
  record Result(
      long steps,
      long seconds,
      int jobs,
      int attempts,
      int faults,
      int seatChanges,
      int hangs,
      int provenNodes,
      int keptNodes) {
    static final Result NONE = new Result(0, 0, 0, 0, 0, 0, 0, 0, 0);

    Result plus(Result more) {
      return new Result(
          steps + more.steps,
          seconds + more.seconds,
          jobs + more.jobs,
          attempts + more.attempts,
          faults + more.faults,
          seatChanges + more.seatChanges,
          hangs + more.hangs,
          provenNodes + more.provenNodes,
          keptNodes + more.keptNodes);
    }
  }

  /** A cluster drawn from the seed. */
  static Simulation random(long seed, Mutation mutation, Trace.Detail detail) {
    var schedule = new Schedule(seed, false);
    int hosts = schedule.between(2, 6);
    int seats = hosts < 3 || schedule.oneIn(6) ? 1 : 3;
    boolean asText = seed % SEEDS_PER_TEXT == 0;
    StateCodec codec = asText ? new StateCodec() : new RememberingCodec();
    return new Simulation(schedule, codec, mutation, detail, hosts, seats, Theme.NOTHING);
  }

  /** The same where people change who is a seat, again and again. */
  static Simulation ofMovingSeats(long seed, Mutation mutation, Trace.Detail detail) {
    var schedule = new Schedule(seed, false);
    int hosts = schedule.between(4, 6);
    return new Simulation(
        schedule, new RememberingCodec(), mutation, detail, hosts, 3, Theme.MOVING_SEATS);
  }

  /** The same where the network comes apart between the old seats and the new. */
  static Simulation ofSeatsApart(long seed, Mutation mutation, Trace.Detail detail) {
    var schedule = new Schedule(seed, false);
    int hosts = schedule.between(5, 6);
    return new Simulation(
        schedule, new RememberingCodec(), mutation, detail, hosts, 3, Theme.SEATS_APART);
  }

  /** The same where gangs hang. */
  static Simulation ofHangs(long seed, Mutation mutation, Trace.Detail detail) {
    var schedule = new Schedule(seed, false);
    int hosts = schedule.between(2, 6);
    int seats = hosts < 3 ? 1 : 3;
    return new Simulation(
        schedule, new RememberingCodec(), mutation, detail, hosts, seats, Theme.HANGS);
  }

  /** The same where a node is quarantined for a moment as soon as it is lost. */
  static Simulation ofFlapping(long seed, Mutation mutation, Trace.Detail detail) {
    var schedule = new Schedule(seed, false);
    int hosts = schedule.between(3, 6);
    var flapping =
        new Simulation(
            schedule, new RememberingCodec(), mutation, detail, hosts, 3, Theme.FLAPPING);
    if (schedule.oneIn(2)) {
      flapping.hosts.get(schedule.below(hosts)).becomeSick();
    }
    return flapping;
  }

  /** A cluster in which nothing happens by chance. */
  static Simulation plain(int hosts, int seats, Trace.Detail detail) {
    var schedule = new Schedule(0, true);
    return new Simulation(
        schedule, new StateCodec(), Mutation.NONE, detail, hosts, seats, Theme.NOTHING);
  }

  private Simulation(
      Schedule schedule,
      StateCodec codec,
      Mutation mutation,
      Trace.Detail detail,
      int size,
      int seatCount,
      Theme theme) {
    this.theme = theme;
    this.schedule = schedule;
    this.codec = codec;
    this.mutation = mutation;
    this.trace = new Trace(detail, schedule);
    this.network = new Network(schedule);
    this.singleton = new Singleton(this);
    this.history = new TrueHistory(this);
    this.invariants = new Invariants(this);
    this.operators = new Operators(this);
    this.stepsBetweenCheckpoints = schedule.between(5, 12);
    for (int i = 1; i <= size; i++) {
      String name = "n" + i;
      Optional<SimSeat> seat = Optional.empty();
      if (i <= seatCount || seatsMove()) {
        var id = new SeatId(name + ":25520");
        if (i <= seatCount) {
          seatIds.add(id);
        }
        seat = Optional.of(new SimSeat(this, id));
      }
      var host = new SimHost(this, name, seat);
      hosts.add(host);
      seat.ifPresent(s -> seats.put(s.id, host));
    }
  }

  boolean seatsMove() {
    return theme == Theme.MOVING_SEATS || theme == Theme.SEATS_APART;
  }

  boolean hangs() {
    return theme == Theme.HANGS;
  }

  /** When coordinators keep a node out. */
  QuarantinePolicy quarantine() {
    return theme == Theme.FLAPPING
        ? new QuarantinePolicy(
            1, Duration.ofSeconds(20), mutation != Mutation.QUARANTINE_ENDS_BY_TIME_ALONE)
        : QuarantinePolicy.DEFAULT;
  }

  /** Nothing has happened for so long that quarantines are over. */
  boolean isLongQuiet() {
    return longQuiet;
  }

  // the world

  List<SimHost> hosts() {
    return hosts;
  }

  SimHost host(String name) {
    return hosts.stream().filter(h -> h.name.equals(name)).findFirst().orElseThrow();
  }

  void changed(SeatChange change, CoordinatorAnswer answer) {
    trace.detail("--- %s: %s", change, answer);
    seatChanges += answer instanceof CoordinatorAnswer.Done ? 1 : 0;
  }

  /** People are told what may be done, and try anything. */
  private void moveSeats(Chaos chaos) {
    if (chaos.isOver()) {
      return;
    }
    schedule.after(schedule.between(1_000, 12_000), () -> moveSeats(chaos));
    SeatId any = new SeatId(hosts.get(schedule.below(hosts.size())).name + ":25520");
    SeatId other = new SeatId(hosts.get(schedule.below(hosts.size())).name + ":25520");
    SeatChange change =
        switch (schedule.below(5)) {
          case 0 -> new SeatChange.Add(any);
          case 1 -> new SeatChange.Remove(any);
          default -> new SeatChange.Replace(any, other);
        };
    singleton.any().ifPresent(c -> c.changeSeats(change));
  }

  private void hangSome(Chaos chaos) {
    if (chaos.isOver()) {
      return;
    }
    schedule.after(schedule.between(2_000, 30_000), () -> hangSome(chaos));
    List<SimGroup> training = livingGroups().stream().filter(SimGroup::workersAreUp).toList();
    if (!training.isEmpty()) {
      SimGroup group = training.get(schedule.below(training.size()));
      trace.detail("--- %s hangs", group.fence());
      group.hang();
    }
  }

  /** What settings say, wherever the seats are by now. */
  List<SeatId> seatIds() {
    return seatIds;
  }

  SimHost seatHost(SeatId id) {
    return Optional.ofNullable(seats.get(id)).orElseThrow();
  }

  /** The founding that a shim was started under; there is only one here. */
  String foundingOf(SimHost seat) {
    return seat.seat().disk().founding().map(FoundingId::text).orElse("none");
  }

  Gang gang(LaunchSpec launch) {
    return gangs.computeIfAbsent(
        launch.fence(), f -> new Gang(this, launch, work.getOrDefault(f.job(), DEFAULT_WORK)));
  }

  Optional<Gang> knownGang(Fence fence) {
    return Optional.ofNullable(gangs.get(fence));
  }

  SharedFolder folder(JobId job) {
    return folders.computeIfAbsent(job, j -> new SharedFolder("/checkpoints/" + j));
  }

  void work(JobId job, int trainingSteps) {
    work.put(job, trainingSteps);
  }

  List<SimGroup> livingGroups() {
    var living = new ArrayList<SimGroup>();
    hosts.forEach(h -> living.addAll(h.groups(f -> true)));
    return living;
  }

  void worldChanged() {
    changed = true;
  }

  // time

  void boot() {
    hosts.forEach(SimHost::startDaemon);
    if (seatsMove()) {
      hosts.forEach(SimHost::lookForSeats);
    }
    singleton.startSomewhere();
    singleton.watch();
  }

  void runUntil(long millis) {
    while (schedule.now() < millis) {
      step();
    }
  }

  private void step() {
    steps++;
    schedule.step();
    if (changed) {
      changed = false;
      invariants.worldChanged();
    }
  }

  /** Boots, lets things happen and fail, then heals everything and waits for the quiet end. */
  Result runRandom() {
    boot();
    var chaos = new Chaos(this);
    schedule.after(schedule.below(5_000), operators::submitAny);
    schedule.after(schedule.below(20_000), operators::work);
    if (theme != Theme.SEATS_APART || schedule.oneIn(2)) {
      schedule.after(schedule.below(20_000), chaos::begin);
    }
    switch (theme) {
      case NOTHING, FLAPPING -> {}
      case MOVING_SEATS -> schedule.after(schedule.below(20_000), () -> moveSeats(chaos));
      case SEATS_APART ->
          schedule.after(schedule.below(20_000), new SeatsApart(this, chaos)::begin);
      case HANGS -> schedule.after(schedule.below(20_000), () -> hangSome(chaos));
    }
    runUntil(schedule.between(60_000, 240_000));
    chaos.end();
    operators.rest();
    heal();
    settle();
    if (theme == Theme.FLAPPING) {
      runUntil(schedule.now() + QUARANTINES_END_MILLIS);
      longQuiet = true;
      invariants.quietEnd();
    }
    return new Result(
        steps,
        schedule.now() / 1_000,
        operators.jobs().size(),
        history.state().jobs().values().stream().mapToInt(j -> j.attemptsMade()).sum(),
        chaos.count(),
        seatChanges,
        hangsFound,
        provenNodes,
        keptNodes);
  }

  private void heal() {
    trace.detail("--- everything heals");
    network.weather(0, 0, 3);
    network.healAll();
    hosts.forEach(SimHost::boot);
    hosts.forEach(SimHost::startAgent);
    hosts.stream().filter(SimHost::hasSeat).forEach(h -> h.seat().restart());
    singleton.thawAll();
    resumeAll();
  }

  /** Again and again: a wish to drain may still be on its way, and a loss be found late. */
  private void resumeAll() {
    if (theme == Theme.FLAPPING) {
      history.state().nodes().values().stream()
          .filter(Node::draining)
          .forEach(n -> operators.resume(host(n.id().value())));
    } else if (history.state().nodes().values().stream()
        .anyMatch(n -> n.draining() || n.quarantinedUntil().isPresent())) {
      hosts.forEach(operators::resume);
    }
    schedule.after(10_000, this::resumeAll);
  }

  void settle() {
    long end = schedule.now() + SETTLE_MILLIS;
    while (schedule.now() < end && !isSettled()) {
      long second = schedule.now() + 1_000;
      while (schedule.now() < second) {
        step();
      }
    }
    Broken.unless(isSettled(), "EveryJobSettles", "after %d s: %s", SETTLE_MILLIS / 1_000, open());
    invariants.quietEnd();
  }

  /** Every job is over, no process is left, no warm pool, and every report was heard. */
  private boolean isSettled() {
    return operators.areServed()
        && livingGroups().isEmpty()
        && agentsAreQuiet()
        && hosts.stream().allMatch(SimHost::keepsNoPool);
  }

  private boolean agentsAreQuiet() {
    return hosts.stream()
        .allMatch(
            h ->
                h.agent()
                    .map(SimAgent::state)
                    .filter(s -> s.current().isEmpty() && s.outstanding().isEmpty())
                    .isPresent());
  }

  private String open() {
    var open = new ArrayList<String>();
    history.state().jobs().values().stream()
        .filter(j -> !j.phase().isTerminal())
        .forEach(j -> open.add(j.id() + " " + j.phase() + " " + j.reason() + " " + j.open()));
    livingGroups().forEach(g -> open.add(g.fence() + " on " + g.host.id + " " + g.phase()));
    hosts.forEach(
        h ->
            h.agent()
                .map(SimAgent::state)
                .ifPresent(s -> open.add(h.id + " " + s.current() + " " + s.outstanding())));
    return String.join("\n  ", open);
  }
}
