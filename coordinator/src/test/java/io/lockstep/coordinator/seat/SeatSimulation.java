package io.lockstep.coordinator.seat;

import io.lockstep.coordinator.seat.QuorumState.Leading;
import io.lockstep.coordinator.seat.QuorumState.Write;
import io.lockstep.coordinator.seat.SeatReply.Promised;
import io.lockstep.protocol.model.Term;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.IntSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Seats and coordinators on a virtual network, all from one seed: messages are dropped, delayed,
 * duplicated and reordered, links cut, seats crash and lose what was not synced, or the whole disk,
 * coordinators crash, freeze, and are several at once.
 */
final class SeatSimulation {
  /** One rule taken out; the simulation must notice. */
  enum Mutation {
    NONE,
    TERM_REFUSAL,
    MAJORITY_OF_THOSE_PRESENT,
    ADOPT_ANY_STATE,
    ACT_BEFORE_REWRITING,
    ANSWER_BEFORE_SYNC,
    DISK_IDS_IGNORED,
    TAKE_BACK_IN_ONE_STEP,
    REPLACE_IN_ONE_STEP,
    CHANGE_TWO_AT_ONCE,
    APPEND_TO_ANY_TERM
  }

  /** What a run came to. */
  record Result(
      int steps, int leaders, int acknowledged, int disksLost, int takenBackIn, int changes) {}

  private static final int CHAOS_STEPS = 900;
  private static final long SETTLE_MILLIS = 60_000;
  private static final long FOUNDING_RACE_MILLIS = 5_000;
  private static final int MAX_SEAT_QUEUE = 100;
  private static final int SPARE_HOSTS = 2;

  private final SplittableRandom random;
  private final Mutation mutation;
  private final boolean seatsMove;
  private final boolean tracing;
  private final StringBuilder trace = new StringBuilder();
  private final SeatInvariants invariants = new SeatInvariants();
  private final PriorityQueue<Event> queue =
      new PriorityQueue<>(Comparator.comparingLong(Event::at).thenComparingLong(Event::order));
  private final List<SimSeat> seats = new ArrayList<>();
  private final List<SeatId> ids = new ArrayList<>();
  private final List<SimCoordinator> coordinators = new ArrayList<>();
  private final Set<String> cutLinks = new HashSet<>();

  private long now;
  private long order;
  private long nextEvent;
  private int nextName;
  private double drop;
  private double duplicate;
  private int maxDelay;
  private boolean calm;
  private Membership known = Membership.NONE;
  private Term knownIn = Term.NONE;
  private long foundedAt;
  private int leaders;
  private int acknowledged;
  private int disksLost;
  private int takenBackIn;
  private int changes;
  private boolean changing;

  private record Event(long at, long order, Runnable action) {}

  SeatSimulation(long seed, Mutation mutation, boolean tracing) {
    this.random = new SplittableRandom(seed);
    this.mutation = mutation;
    // found only once in thousands of schedules, and rarer still where other things happen too
    this.seatsMove = mutation != Mutation.TAKE_BACK_IN_ONE_STEP;
    this.tracing = tracing;
    int draw = random.nextInt(20);
    int size = draw == 0 ? 1 : draw < 13 ? 3 : 5;
    drop = random.nextInt(4) * 0.07;
    duplicate = random.nextInt(3) * 0.08;
    maxDelay = new int[] {3, 40, 200, 900}[random.nextInt(4)];
    for (int i = 0; i < size; i++) {
      ids.add(new SeatId("10.0.0." + (i + 1)));
    }
    for (SeatId id : ids) {
      seats.add(new SimSeat(id));
    }
    for (int i = 0; seatsMove && i < SPARE_HOSTS; i++) {
      seats.add(new SimSeat(new SeatId("10.0.0." + (size + i + 1))));
    }
    for (int i = 0; i < 3; i++) {
      coordinators.add(new SimCoordinator("c" + i));
    }
  }

  String trace() {
    return trace.toString();
  }

  Result run() {
    coordinators.get(0).start();
    if (random.nextInt(3) == 0) {
      coordinators.get(1).start();
    }
    after(random.nextInt(200), this::chaos);
    int steps = 0;
    while (steps < CHAOS_STEPS) {
      step();
      steps++;
    }
    settle();
    return new Result(steps, leaders, acknowledged, disksLost, takenBackIn, changes);
  }

  private void step() {
    Event event = Objects.requireNonNull(queue.poll());
    now = event.at();
    event.action().run();
  }

  /** With a whole network, all seats up and one coordinator, everything comes in order again. */
  private void settle() {
    calm = true;
    drop = 0;
    duplicate = 0;
    maxDelay = 5;
    cutLinks.clear();
    seats.forEach(SimSeat::restart);
    coordinators.forEach(SimCoordinator::thaw);
    coordinators.stream().skip(1).forEach(SimCoordinator::stop);
    coordinators.get(0).start();
    int before = acknowledged;
    long end = now + SETTLE_MILLIS;
    while (now < end && !(acknowledged > before && isSettled())) {
      step();
    }
    SeatInvariants.require(
        acknowledged > before && isSettled(), this, "not settled after %d ms", SETTLE_MILLIS);
  }

  private boolean isSettled() {
    Optional<Membership> membership = coordinators.get(0).driver.membership();
    return membership.isPresent()
        && members(membership.get()).allMatch(s -> membership.get().names(s.id, s.state.disk()))
        && members(membership.get())
            .allMatch(s -> s.state.stored().version() >= coordinators.get(0).driver.version());
  }

  private Stream<SimSeat> members(Membership membership) {
    return seats.stream().filter(s -> membership.has(s.id));
  }

  private SimSeat seat(SeatId id) {
    return seats.stream().filter(s -> s.id.equals(id)).findFirst().orElseThrow();
  }

  // --- faults

  private void chaos() {
    if (calm) {
      return;
    }
    after(10 + random.nextInt(600), this::chaos);
    SimSeat seat = seats.get(random.nextInt(seats.size()));
    SimCoordinator coordinator = coordinators.get(random.nextInt(coordinators.size()));
    switch (random.nextInt(seatsMove ? 15 : 12)) {
      case 0, 1 -> seat.crash(random.nextInt(1500), false);
      case 2, 3 -> {
        if (mayLoseItsDisk(seat)) {
          seat.crash(random.nextInt(1000), true);
        }
      }
      case 4, 5 -> {
        String link = link(coordinator, seat);
        cutLinks.add(link);
        after(random.nextInt(4000), () -> cutLinks.remove(link));
      }
      case 6 -> {
        for (SimSeat one : seats) {
          if (random.nextBoolean()) {
            String link = link(coordinator, one);
            cutLinks.add(link);
            after(random.nextInt(3000), () -> cutLinks.remove(link));
          }
        }
      }
      case 7 -> coordinator.freeze(random.nextInt(3000));
      case 8 -> coordinator.stop();
      case 9, 10 -> coordinator.start();
      default -> {
        if (seatsMove && random.nextInt(4) > 0) {
          coordinators.forEach(SimCoordinator::wantChange);
        } else {
          seats.forEach(s -> s.crash(random.nextInt(500), false));
        }
      }
    }
    if (coordinators.stream().noneMatch(c -> c.running)) {
      coordinators.get(random.nextInt(coordinators.size())).start();
    }
  }

  /**
   * Never more disks at once than a cluster can lose; none before it was founded, and none while
   * another coordinator may still be founding: a wiped seat would take part (safe, but that seat
   * then belongs to no cluster until a person empties it).
   */
  private boolean mayLoseItsDisk(SimSeat losing) {
    if (known.members().isEmpty()
        || now < foundedAt + FOUNDING_RACE_MILLIS
        || changing
        || !known.has(losing.id)
        || settingsWouldFoundAnew(losing)) {
      return false;
    }
    long lost =
        members(known).filter(s -> s == losing || !known.names(s.id, s.state.disk())).count();
    return lost <= known.members().size() - known.majority();
  }

  /**
   * What settings name is empty altogether: nobody can tell that from a new cluster, which is why
   * settings are to follow the seats.
   */
  private boolean settingsWouldFoundAnew(SimSeat losing) {
    return ids.stream().allMatch(id -> id.equals(losing.id) || seat(id).state.founding().isEmpty());
  }

  private static String link(SimCoordinator coordinator, SimSeat seat) {
    return coordinator.name + "-" + seat.id;
  }

  // --- network and time

  private void after(long millis, Runnable action) {
    queue.add(new Event(now + millis, order++, action));
  }

  private void carry(SimCoordinator coordinator, SimSeat seat, Runnable delivery) {
    int copies = random.nextDouble() < duplicate ? 2 : 1;
    for (int i = 0; i < copies; i++) {
      if (random.nextDouble() < drop || cutLinks.contains(link(coordinator, seat))) {
        continue;
      }
      after(
          random.nextInt(maxDelay + 1),
          () -> {
            if (!cutLinks.contains(link(coordinator, seat))) {
              delivery.run();
            }
          });
    }
  }

  private void note(String format, Object... args) {
    if (tracing) {
      trace.append("%7d ".formatted(now)).append(format.formatted(args)).append('\n');
    }
  }

  private static Instant instant(long millis) {
    return Instant.ofEpochMilli(1_000_000 + millis);
  }

  // --- a seat

  private final class SimSeat {
    final SeatId id;
    final SeatMachine machine;
    final Deque<Runnable> waiting = new ArrayDeque<>();
    SeatState state;
    SeatState synced;
    boolean up = true;
    boolean busy;
    int life;
    Optional<SeatState> syncing = Optional.empty();

    SimSeat(SeatId id) {
      this.id = id;
      this.machine =
          mutation == Mutation.APPEND_TO_ANY_TERM
              ? new SeatMachine(id) {
                @Override
                boolean mayAppendTo(Position held, SeatRequest.Accept accept) {
                  return true;
                }
              }
              : new SeatMachine(id);
      this.state = SeatState.empty(newDisk(), false);
      this.synced = state;
    }

    private DiskId newDisk() {
      return new DiskId("disk-" + nextName++);
    }

    void deliver(SimCoordinator from, String incarnation, SeatRequest request) {
      if (!up || waiting.size() > MAX_SEAT_QUEUE) {
        return;
      }
      waiting.add(() -> handle(from, incarnation, request));
      next();
    }

    private void next() {
      while (up && !busy && !waiting.isEmpty()) {
        waiting.remove().run();
      }
    }

    private void handle(SimCoordinator from, String incarnation, SeatRequest request) {
      SeatDecision decision = decide(request);
      note("%s <- %s -> %s", id, request, decision.reply());
      Runnable answer = () -> carry(from, this, () -> from.receive(incarnation, decision.reply()));
      if (!decision.changed()) {
        answer.run();
        return;
      }
      invariants.seatNeverGoesBack.check(state, decision.next());
      if (mutation == Mutation.ANSWER_BEFORE_SYNC) {
        state = decision.next();
        answer.run();
      }
      busy = true;
      syncing = Optional.of(decision.next());
      int current = life;
      after(
          random.nextInt(30),
          () -> {
            if (life != current) {
              return;
            }
            state = decision.next();
            synced = state;
            syncing = Optional.empty();
            busy = false;
            if (mutation != Mutation.ANSWER_BEFORE_SYNC) {
              answer.run();
            }
            next();
          });
    }

    private SeatDecision decide(SeatRequest request) {
      SeatDecision decision = machine.decide(state, request);
      if (mutation == Mutation.TERM_REFUSAL
          && decision.reply() instanceof SeatReply.Refused refused
          && refused.why() != SeatReply.Refusal.WOULD_GO_BACK) {
        SeatDecision obeyed =
            machine.decide(state.promising(request.term(), request.incarnation()), request);
        SeatState kept = obeyed.next().promising(state.promised(), state.promisedTo());
        return new SeatDecision(kept, obeyed.changed(), obeyed.reply());
      }
      return decision;
    }

    void crash(long downMillis, boolean losesDisk) {
      if (!up) {
        return;
      }
      note("%s crashes%s", id, losesDisk ? " and loses its disk" : "");
      up = false;
      busy = false;
      life++;
      waiting.clear();
      if (syncing.isPresent() && random.nextBoolean()) {
        synced = syncing.get(); // written, but never answered for
      }
      syncing = Optional.empty();
      state = synced;
      if (losesDisk) {
        disksLost++;
        state = SeatState.empty(newDisk(), random.nextBoolean());
        synced = state;
      }
      after(downMillis, this::restart);
    }

    void restart() {
      up = true;
    }
  }

  // --- a coordinator

  private final class SimCoordinator {
    final String name;
    final Deque<Runnable> mailbox = new ArrayDeque<>();
    QuorumDriver driver;
    String incarnation = "";
    boolean running;
    boolean frozen;
    List<Long> history = new ArrayList<>();
    List<Long> appending = List.of();
    Optional<SeatChange> wanted = Optional.empty();

    SimCoordinator(String name) {
      this.name = name;
      this.driver = newDriver();
    }

    private QuorumDriver newDriver() {
      incarnation = name + "-" + nextName++;
      var founding = new FoundingId("founding-" + incarnation);
      IntSupplier present =
          () -> (int) seats.stream().filter(s -> s.up && !cutLinks.contains(link(this, s))).count();
      return new QuorumDriver(mutant(incarnation, founding, present), random.split());
    }

    void start() {
      if (running) {
        return;
      }
      running = true;
      mailbox.clear();
      wanted = Optional.empty();
      driver = newDriver();
      note("%s starts", incarnation);
      String current = incarnation;
      perform(driver.begin(instant(now)));
      later(500, current, () -> tick(current));
      later(random.nextInt(300), current, () -> work(current));
    }

    void stop() {
      if (running) {
        note("%s stops", incarnation);
      }
      running = false;
    }

    void freeze(long millis) {
      frozen = true;
      after(millis, this::thaw);
    }

    void thaw() {
      frozen = false;
      while (!mailbox.isEmpty() && !frozen) {
        mailbox.remove().run();
      }
    }

    /** Runs it unless this incarnation is over by then; a frozen one finds it when it thaws. */
    private void later(long millis, String wanted, Runnable action) {
      after(millis, () -> enter(wanted, action));
    }

    private void enter(String wanted, Runnable action) {
      if (!running || !incarnation.equals(wanted)) {
        return;
      }
      if (frozen) {
        mailbox.add(() -> enter(wanted, action));
      } else {
        action.run();
      }
    }

    void receive(String to, SeatReply reply) {
      enter(
          to,
          () -> {
            perform(driver.receive(reply, instant(now)));
            change();
          });
    }

    private void tick(String current) {
      later(500, current, () -> tick(current));
      if (seatsMove && (calm || random.nextInt(4) == 0)) {
        // what daemons tell each other of the seats
        Set<SeatId> told =
            members(known).map(s -> s.id).collect(Collectors.toCollection(LinkedHashSet::new));
        perform(driver.alsoAsk(told, instant(now)));
      }
      perform(driver.tick(instant(now)));
      if (seatsMove) {
        perform(driver.confirmed(instant(now))); // there are no leases here
      }
      change();
    }

    /** As an operator does, who looks whether a majority will be left. */
    void wantChange() {
      if (!running || !driver.isLeader()) {
        return;
      }
      SimSeat any = seats.get(random.nextInt(seats.size()));
      List<SeatId> now = known.members().stream().map(Membership.Member::seat).toList();
      SeatId member = now.get(random.nextInt(now.size()));
      wanted =
          Optional.of(
              switch (random.nextInt(4)) {
                case 0 -> new SeatChange.Add(any.id);
                case 1 -> new SeatChange.Remove(member);
                default -> new SeatChange.Replace(member, any.id);
              });
      if (!(wanted.get() instanceof SeatChange.Remove)) {
        perform(driver.invite(any.id, instant(SeatSimulation.this.now)));
      }
    }

    private void change() {
      if (wanted.isEmpty() || !driver.canChange(wanted.get())) {
        return;
      }
      SeatChange change = wanted.get();
      Membership membership = driver.membership().orElseThrow();
      Set<SeatId> answering =
          members(membership)
              .filter(s -> s.up && membership.names(s.id, s.state.disk()))
              .map(s -> s.id)
              .collect(Collectors.toSet());
      if (SeatRules.mistake(membership, change).isPresent()
          || SeatRules.lostMajority(membership, change, answering).isPresent()) {
        wanted = Optional.empty();
      } else if (change instanceof SeatChange.Remove || driver.isInvitedHeard()) {
        wanted = Optional.empty();
        changing = true;
        note("%s: %s", incarnation, change);
        perform(driver.change(change, instant(now)));
      }
    }

    private void work(String current) {
      later(random.nextInt(calm ? 50 : 400), current, () -> work(current));
      if (!driver.canAppend()) {
        return;
      }
      if (history.size() > 3 && random.nextInt(6) == 0) {
        int version = 1 + random.nextInt(history.size());
        if (version >= snapshotVersion() && version <= driver.version()) {
          perform(driver.compact(version, bytes(history.subList(0, version)), instant(now)));
        }
        return;
      }
      var events = new ArrayList<Long>();
      int count = 1 + random.nextInt(2);
      for (int i = 0; i < count; i++) {
        events.add(++nextEvent);
      }
      appending = events;
      perform(driver.append(events.stream().map(e -> bytes(List.of(e))).toList(), instant(now)));
    }

    private long snapshotVersion() {
      return ((Leading) driver.state().phase()).held().snapshotVersion();
    }

    private void perform(QuorumDriver.Step step) {
      for (ToSeat message : step.send()) {
        SimSeat seat = seat(message.seat());
        String from = incarnation;
        carry(this, seat, () -> seat.deliver(this, from, message.request()));
      }
      for (QuorumOutcome outcome : step.outcomes()) {
        note("%s: %s", incarnation, outcome);
        onOutcome(outcome);
      }
    }

    private void onOutcome(QuorumOutcome outcome) {
      if (outcome instanceof QuorumOutcome.BecameLeader became) {
        foundedAt = leaders == 0 ? now : foundedAt;
        leaders++;
        history = new ArrayList<>(longs(became.state().snapshot()));
        became.state().events().forEach(e -> history.addAll(longs(e)));
        appending = List.of();
        learn(became.term(), became.state().membership());
        invariants.becameLeader(became.term(), incarnation, became.founding(), history);
      } else if (outcome instanceof QuorumOutcome.Appended appended) {
        history.addAll(appending);
        acknowledged += appending.size();
        SeatInvariants.require(
            history.size() == appended.version(), invariants, "wrong version %s", appended);
        invariants.acknowledged(driver.term().orElseThrow(), history, appending.size());
        appending = List.of();
      } else if (outcome instanceof QuorumOutcome.MembershipChanged changed) {
        takenBackIn++;
        changes += changed.membership().set() > known.set() ? 1 : 0;
        learn(driver.term().orElseThrow(), changed.membership());
      } else if (outcome instanceof QuorumOutcome.AppendRefused refused) {
        throw new IllegalStateException(refused.toString());
      }
    }

    private void learn(Term term, Membership membership) {
      if (!term.isBefore(knownIn) && membership.version() >= known.version()) {
        knownIn = term;
        known = membership;
        changing = false;
      }
    }
  }

  private static byte[] bytes(List<Long> values) {
    ByteBuffer buffer = ByteBuffer.allocate(values.size() * Long.BYTES);
    values.forEach(buffer::putLong);
    return buffer.array();
  }

  private static List<Long> longs(byte[] bytes) {
    var values = new ArrayList<Long>();
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    while (buffer.hasRemaining()) {
      values.add(buffer.getLong());
    }
    return values;
  }

  // --- rules taken out of the coordinator's side

  private QuorumMachine mutant(String incarnation, FoundingId founding, IntSupplier present) {
    return switch (mutation) {
      case MAJORITY_OF_THOSE_PRESENT ->
          new QuorumMachine(ids, incarnation, founding) {
            @Override
            boolean enough(int count, Membership membership) {
              return count >= Math.max(1, present.getAsInt() / 2 + 1);
            }
          };
      case ADOPT_ANY_STATE ->
          new QuorumMachine(ids, incarnation, founding) {
            @Override
            Promised newest(Collection<Promised> promises) {
              return promises.iterator().next();
            }
          };
      case ACT_BEFORE_REWRITING ->
          new QuorumMachine(ids, incarnation, founding) {
            @Override
            boolean rewritesFirst() {
              return false;
            }
          };
      case DISK_IDS_IGNORED ->
          new QuorumMachine(ids, incarnation, founding) {
            @Override
            boolean diskCounts(Membership membership, SeatId seat, DiskId disk) {
              return true;
            }
          };
      case TAKE_BACK_IN_ONE_STEP ->
          new QuorumMachine(ids, incarnation, founding) {
            /** The rarer the probes, the longer the gap is open: else few seeds find it. */
            @Override
            Duration probeInterval() {
              return Duration.ofSeconds(2);
            }

            @Override
            Optional<Write> membershipChange(Leading leading) {
              Membership membership = leading.held().membership();
              return membership.members().stream()
                  .filter(
                      m ->
                          leading
                              .peer(m.seat())
                              .stranger()
                              .filter(s -> s.fresh() && !membership.names(m.seat(), s.disk()))
                              .isPresent())
                  .findFirst()
                  .map(
                      m ->
                          changing(
                              leading,
                              membership.with(
                                  m.seat(), leading.peer(m.seat()).stranger().map(s -> s.disk())),
                              "in one step"));
            }
          };
      case REPLACE_IN_ONE_STEP ->
          new QuorumMachine(ids, incarnation, founding) {
            @Override
            Duration probeInterval() {
              return Duration.ofSeconds(2);
            }

            @Override
            Write replacing(Leading leading, SeatChange.Replace replace) {
              Membership membership = leading.held().membership();
              return changing(
                  leading,
                  membership
                      .replacing(replace.old(), replace.by())
                      .with(replace.by(), freshDisk(leading, replace.by())),
                  "in one step");
            }
          };
      case CHANGE_TWO_AT_ONCE ->
          new QuorumMachine(ids, incarnation, founding) {
            /** Two seats less in one write. */
            @Override
            Membership without(Membership membership, SeatId seat) {
              Membership less = membership.removing(seat);
              return less.members().size() < 2 ? less : less.removing(less.members().get(0).seat());
            }
          };
      case NONE, TERM_REFUSAL, ANSWER_BEFORE_SYNC, APPEND_TO_ANY_TERM ->
          new QuorumMachine(ids, incarnation, founding);
    };
  }
}
