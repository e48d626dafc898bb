package io.lockstep.coordinator.seat;

import io.lockstep.coordinator.seat.LeaseAnswer.Verdict;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.Term;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.LongSupplier;

/**
 * Grants leases by what this seat itself has accepted, and remembers when (A15, A19, A20). A grant
 * and the acceptance that forbids it exclude each other: an age that is told after an acceptance
 * counts every grant before it. Lives in memory: a seat that starts says since when it serves. Not
 * final only so that the mutation tests can take a rule out.
 */
public class LeaseBook {
  /** Longer than the longest lease and its margin. */
  static final Duration REMEMBERED = Duration.ofMinutes(15);

  private final LeaseLaw.Reader reader;
  private final Function<SeatId, String> doors;
  private final LongSupplier nanos;
  private final long since;
  private final Map<Held, Grant> grants = new HashMap<>();
  private LeaseLaw law = LeaseLaw.NONE;
  // what it must read before it grants again
  private Optional<StoredState> unread = Optional.empty();
  private Membership membership = Membership.NONE;
  private Term term = Term.NONE;
  private List<String> seats = List.of();
  private Optional<FoundingId> founding = Optional.empty();
  private Optional<FoundingId> replaces = Optional.empty();

  private record Held(Fence fence, NodeId node) {}

  private record Grant(long at, boolean returned, long set) {}

  /**
   * @param doors where the leases of a seat are renewed, as {@code host:port}
   * @param nanos a monotonic clock
   */
  public LeaseBook(LeaseLaw.Reader reader, Function<SeatId, String> doors, LongSupplier nanos) {
    this.reader = reader;
    this.doors = doors;
    this.nanos = nanos;
    this.since = nanos.getAsLong();
  }

  /**
   * From now on grants by this state; call it when it is synced, before that is answered. It is
   * read by whoever asks next: a majority that waits for this seat need not wait for that.
   */
  public synchronized void follow(SeatState state) {
    founding = state.founding();
    replaces = state.replaces();
    unread = Optional.of(state.stored());
    long now = nanos.getAsLong();
    grants.values().removeIf(grant -> now - grant.at() > REMEMBERED.toNanos());
    membership = state.stored().membership();
    term = state.acceptedTerm();
    seats = membership.members().stream().map(Membership.Member::seat).map(doors).toList();
  }

  private LeaseLaw law() {
    if (unread.isPresent()) {
      law = reader.read(unread.get());
      unread = Optional.empty();
      grants.keySet().removeIf(held -> law.isPast(held.fence(), held.node()));
    }
    return law;
  }

  /** Who the seats are by the state that it grants by. */
  public synchronized SeatsSaid seats() {
    return new SeatsSaid(
        founding.map(FoundingId::text),
        term.number(),
        membership.set(),
        membership.members().stream().map(m -> m.seat().address()).toList(),
        replaces.map(FoundingId::text));
  }

  /** Default is to grant nothing (A15). */
  public synchronized LeaseAnswer renew(LeaseRequest request) {
    if (founding.filter(f -> f.text().equals(request.founding())).isEmpty()) {
      return answer(request, Verdict.UNKNOWN, "this seat is of another founding, or of none yet");
    }
    var held = new Held(request.fence(), request.node());
    switch (law().of(held.fence(), held.node())) {
      case ENDED -> {
        return answer(request, Verdict.STOP, held.fence() + " is over");
      }
      case UNKNOWN -> {
        return answer(
            request, Verdict.UNKNOWN, held.fence() + " is not released, as far as I know");
      }
      case PERMITTED -> {
        return permitted(request, held);
      }
    }
    throw new IllegalStateException("no such standing");
  }

  private LeaseAnswer permitted(LeaseRequest request, Held held) {
    Grant before = grants.get(held);
    if (before != null && before.returned()) {
      return answer(request, Verdict.UNKNOWN, "this lease was given back");
    }
    if (request.returned()) {
      grants.put(held, new Grant(before == null ? since : before.at(), true, request.counts()));
      return answer(request, Verdict.UNKNOWN, "given back");
    }
    if (!countsWell(request)) {
      return answer(
          request,
          Verdict.UNKNOWN,
          "it counts the seats of set %d, and this is set %d"
              .formatted(request.counts(), membership.set()));
    }
    long set = Math.max(request.counts(), before == null ? 0 : before.set());
    grants.put(held, new Grant(nanos.getAsLong(), false, set));
    return answer(request, Verdict.GRANTED, "");
  }

  /** Majorities of this set and of the one before meet, those of older ones may not (A9). */
  boolean countsWell(LeaseRequest request) {
    return request.counts() >= membership.set() - 1;
  }

  private LeaseAnswer answer(LeaseRequest request, Verdict verdict, String message) {
    return new LeaseAnswer(
        verdict,
        request.number(),
        membership.majority(),
        message,
        membership.set(),
        term.number(),
        seats);
  }

  /** An acceptance says when each lease was last granted here (A20). */
  public synchronized SeatReply withAges(SeatReply reply) {
    if (!(reply instanceof SeatReply.Accepted accepted)) {
      return reply;
    }
    long now = nanos.getAsLong();
    List<GrantAge> ages =
        grants.entrySet().stream()
            .map(
                e ->
                    new GrantAge(
                        e.getKey().fence(),
                        e.getKey().node(),
                        TimeUnit.NANOSECONDS.toMillis(now - e.getValue().at()),
                        e.getValue().returned(),
                        e.getValue().set() == 1
                            ? Optional.empty()
                            : Optional.of(e.getValue().set())))
            .toList();
    return accepted.with(TimeUnit.NANOSECONDS.toMillis(now - since), ages);
  }
}
