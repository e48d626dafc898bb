package io.lockstep.coordinator.seat;

import io.lockstep.coordinator.seat.QuorumState.Leading;
import io.lockstep.protocol.model.Term;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.random.RandomGenerator;

/**
 * Holds one coordinator's quorum for an actor, which only carries its messages. Used by one thread.
 */
public final class QuorumDriver {
  private final QuorumMachine machine;
  private final RandomGenerator random;
  private QuorumState state;

  /** What to send, then what became of it. */
  public record Step(List<ToSeat> send, List<QuorumOutcome> outcomes) {}

  /**
   * @param configured the seats of the settings: 1, 3 or 5
   * @param incarnation never used by another coordinator: a new UUID for each singleton start
   * @param newFounding the cluster's id, should this coordinator be the one to found it: a new UUID
   * @param random draws the waiting time after a refusal
   */
  public QuorumDriver(
      List<SeatId> configured, String incarnation, FoundingId newFounding, RandomGenerator random) {
    this(new QuorumMachine(configured, incarnation, newFounding), random);
  }

  QuorumDriver(QuorumMachine machine, RandomGenerator random) {
    this.machine = machine;
    this.random = random;
    this.state = machine.initial();
  }

  /** Asks for the first promises. Once, before anything else. */
  public Step begin(Instant now) {
    return decide(new QuorumInput.Begin(), now);
  }

  public Step receive(SeatReply reply, Instant now) {
    return decide(new QuorumInput.Replied(reply), now);
  }

  /** Call every {@link SeatLimits#TICK}, also while leading and after stepping down. */
  public Step tick(Instant now) {
    return decide(new QuorumInput.Tick(), now);
  }

  /**
   * Stores events. One append at a time: the next after {@link QuorumOutcome.Appended} or {@link
   * QuorumOutcome.AppendRefused}.
   *
   * @param events not empty; never changed afterwards
   * @throws IllegalStateException unless {@link #canAppend()}
   */
  public Step append(List<byte[]> events, Instant now) {
    return decide(new QuorumInput.Append(events), now);
  }

  /**
   * Lets the seats forget the events up to {@code version}. Ignored unless leading.
   *
   * @param version at most {@link #version()}
   * @param snapshot what those events made; never changed afterwards
   */
  public Step compact(long version, byte[] snapshot, Instant now) {
    return decide(new QuorumInput.Compact(version, snapshot), now);
  }

  /**
   * Asks a host that is no seat for its disk, again at each tick, until the next change. Ignored
   * unless leading.
   */
  public Step invite(SeatId seat, Instant now) {
    return decide(new QuorumInput.Invite(seat), now);
  }

  /** The invited host has answered, and freshly. */
  public boolean isInvitedHeard() {
    return leading().flatMap(QuorumMachine::invitedDisk).isPresent();
  }

  /** Nothing else is being written, and the last change of the seats is finished or given up. */
  public boolean canChange(SeatChange change) {
    return leading().filter(l -> QuorumMachine.canChange(l, change)).isPresent();
  }

  /**
   * Changes who is a seat (A9); {@link QuorumOutcome.MembershipChanged} follows when it is true.
   * Only at a moment at which every lease that may be held is counted by the set in force.
   *
   * @throws IllegalStateException unless {@link #canChange(SeatChange)}, or when a new seat was not
   *     heard
   */
  public Step change(SeatChange change, Instant now) {
    return decide(new QuorumInput.Change(change), now);
  }

  /** Every lease that may be held is counted by the set in force, at this moment (A9). */
  public Step confirmed(Instant now) {
    return decide(new QuorumInput.Confirmed(), now);
  }

  /**
   * From now on these are asked for promises too. A majority that made a change of the seats true
   * may be known to nobody else: its newest seat tells, by other ways.
   */
  public Step alsoAsk(Set<SeatId> seats, Instant now) {
    return decide(new QuorumInput.AlsoAsk(seats), now);
  }

  private Step decide(QuorumInput input, Instant now) {
    QuorumDecision decision = machine.decide(state, input, now, stepDownWait());
    state = decision.next();
    return new Step(decision.send(), decision.outcomes());
  }

  private Duration stepDownWait() {
    long spread = SeatLimits.MAX_STEP_DOWN_WAIT.minus(SeatLimits.MIN_STEP_DOWN_WAIT).toMillis();
    return SeatLimits.MIN_STEP_DOWN_WAIT.plusMillis(random.nextLong(spread + 1));
  }

  private Optional<Leading> leading() {
    return state.phase() instanceof Leading leading && leading.established()
        ? Optional.of(leading)
        : Optional.empty();
  }

  /** Between {@link QuorumOutcome.BecameLeader} and {@link QuorumOutcome.SteppedDown}. */
  public boolean isLeader() {
    return leading().isPresent();
  }

  public boolean canAppend() {
    return leading().filter(l -> !QuorumMachine.isAppending(l)).isPresent();
  }

  /** The term that this coordinator leads in; empty unless {@link #isLeader()}. */
  public Optional<Term> term() {
    return leading().map(Leading::term);
  }

  public Optional<FoundingId> founding() {
    return leading().map(Leading::founding);
  }

  /** The last version that is true; 0 unless {@link #isLeader()}. */
  public long version() {
    return leading().map(l -> l.held().version()).orElse(0L);
  }

  /** The seats and their disks; empty unless {@link #isLeader()}. */
  public Optional<Membership> membership() {
    return leading().map(l -> l.held().membership());
  }

  /** Much has come since the snapshot: call {@link #compact} with one of {@link #version()}. */
  public boolean wantsCompaction() {
    return leading()
        .filter(
            l ->
                l.compaction().isEmpty()
                    && SeatLimits.wantCompaction(
                        l.held().snapshot().length,
                        l.held().events().size(),
                        l.held().eventBytes()))
        .isPresent();
  }

  QuorumState state() {
    return state;
  }
}
