package io.lockstep.coordinator.seat;

import io.lockstep.coordinator.seat.QuorumState.Acceptor;
import io.lockstep.coordinator.seat.QuorumState.Asking;
import io.lockstep.coordinator.seat.QuorumState.Compaction;
import io.lockstep.coordinator.seat.QuorumState.Leading;
import io.lockstep.coordinator.seat.QuorumState.Peer;
import io.lockstep.coordinator.seat.QuorumState.Phase;
import io.lockstep.coordinator.seat.QuorumState.Resting;
import io.lockstep.coordinator.seat.QuorumState.Stranger;
import io.lockstep.coordinator.seat.QuorumState.Write;
import io.lockstep.coordinator.seat.QuorumState.WriteKind;
import io.lockstep.coordinator.seat.SeatReply.Accepted;
import io.lockstep.coordinator.seat.SeatReply.Broken;
import io.lockstep.coordinator.seat.SeatReply.NeedsSnapshot;
import io.lockstep.coordinator.seat.SeatReply.Promised;
import io.lockstep.coordinator.seat.SeatReply.Refusal;
import io.lockstep.coordinator.seat.SeatReply.Refused;
import io.lockstep.coordinator.seat.SeatReply.Standing;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import io.lockstep.protocol.model.Term;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Decides the coordinator's side of the quorum: promise round, adopting and re-writing, appending
 * by majority, stepping down, taking a seat with a new disk back in (A3 to A8). Not final only so
 * that the mutation tests can take one rule out each.
 */
class QuorumMachine {
  private final List<SeatId> configured;
  private final String incarnation;
  private final FoundingId newFounding;

  /**
   * @param configured where to look, and who founds; 1 to 5 (A1)
   * @param incarnation never used by another coordinator
   * @param newFounding the cluster's, should this coordinator found it
   */
  QuorumMachine(List<SeatId> configured, String incarnation, FoundingId newFounding) {
    if (configured.isEmpty()
        || configured.size() > Membership.MAX_SEATS
        || new HashSet<>(configured).size() != configured.size()) {
      throw new IllegalArgumentException(
          "there must be 1 to %d different seats, found: %s"
              .formatted(Membership.MAX_SEATS, configured));
    }
    this.configured = List.copyOf(configured);
    this.incarnation = incarnation;
    this.newFounding = newFounding;
  }

  Duration probeInterval() {
    return SeatLimits.PROBE_INTERVAL;
  }

  QuorumState initial() {
    return new QuorumState(0, Term.NONE, Map.of(), Set.of(), new Resting(Instant.MIN));
  }

  /**
   * Decides.
   *
   * @param stepDownWait a random time between {@link SeatLimits#MIN_STEP_DOWN_WAIT} and {@link
   *     SeatLimits#MAX_STEP_DOWN_WAIT}, used when this input is a refusal
   */
  QuorumDecision decide(QuorumState state, QuorumInput input, Instant now, Duration stepDownWait) {
    var turn = new Turn(state, now, stepDownWait);
    if (input instanceof QuorumInput.Begin) {
      ask(turn, turn.heard.next(), true);
    } else if (input instanceof QuorumInput.Replied replied) {
      onReply(turn, replied.reply());
    } else if (input instanceof QuorumInput.Tick) {
      onTick(turn);
    } else if (input instanceof QuorumInput.Append append) {
      onAppend(turn, append);
    } else if (input instanceof QuorumInput.Compact compact) {
      onCompact(turn, compact);
    } else if (input instanceof QuorumInput.Invite invite) {
      onInvite(turn, invite.seat());
    } else if (input instanceof QuorumInput.Change change) {
      onChange(turn, change.change());
    } else if (input instanceof QuorumInput.AlsoAsk also) {
      turn.alsoAsk = also.seats();
    } else if (input instanceof QuorumInput.Confirmed) {
      onConfirmed(turn);
    } else {
      throw new IllegalArgumentException("unknown input " + input);
    }
    return turn.decision();
  }

  private void onTick(Turn turn) {
    if (turn.phase instanceof Resting resting) {
      if (!turn.now.isBefore(resting.until())) {
        ask(turn, turn.heard.next(), false);
      }
    } else if (turn.phase instanceof Asking asking) {
      askAgain(turn, asking);
    } else if (turn.phase instanceof Leading leading) {
      sendAgain(turn, leading);
    }
  }

  private void onReply(Turn turn, SeatReply reply) {
    if (reply instanceof Promised promised) {
      onPromised(turn, promised);
    } else if (reply instanceof Accepted accepted) {
      onAccepted(turn, accepted);
    } else if (reply instanceof NeedsSnapshot needs) {
      onNeedsSnapshot(turn, needs);
    } else if (reply instanceof Refused refused) {
      onRefused(turn, refused);
    } else if (reply instanceof Broken broken) {
      turn.trouble(broken.seat(), broken.message());
    }
  }

  // --- asking for promises (A4)

  private void ask(Turn turn, Term term, boolean guess) {
    turn.heard = term;
    turn.phase = new Asking(term, guess, Map.of(), "", List.of(turn.requests));
    for (SeatId seat : configured) {
      sendPromise(turn, seat, term);
    }
  }

  private void askAgain(Turn turn, Asking asking) {
    var answered = new HashSet<SeatId>();
    asking.promises().keySet().forEach(acceptor -> answered.add(acceptor.seat()));
    Asking next = asking.nextRound(turn.requests);
    // those who answered too: one that was empty may belong to a cluster by now
    for (SeatId seat : contacts(turn, asking)) {
      sendPromise(turn, seat, asking.term());
    }
    String waiting = whyWaiting(asking, answered, turn.troubles);
    turn.phase = next.withWaiting(waiting);
    if (!waiting.equals(asking.waiting())) {
      turn.outcomes.add(new QuorumOutcome.Waiting(noQuorum(waiting)));
    }
  }

  /** Those of the settings, those that others told of, and those that a heard state names. */
  private Set<SeatId> contacts(Turn turn, Asking asking) {
    var seats = new LinkedHashSet<>(configured);
    seats.addAll(turn.alsoAsk);
    for (Promised promised : asking.promises().values()) {
      promised.state().membership().members().forEach(member -> seats.add(member.seat()));
    }
    return seats;
  }

  private void onPromised(Turn turn, Promised promised) {
    if (turn.phase instanceof Asking asking && asking.term().equals(promised.term())) {
      var acceptor = new Acceptor(promised.seat(), promised.disk());
      var promises = new LinkedHashMap<>(asking.promises());
      promises.merge(
          acceptor, promised, (old, late) -> old.request() < late.request() ? late : old);
      Asking next = asking.withPromises(promises);
      turn.phase = next;
      evaluate(turn, next);
    } else if (turn.phase instanceof Leading leading
        && leading.term().equals(promised.term())
        && leading.knows(promised.seat())) {
      seen(turn, leading, promised.seat(), promised.disk(), promised.request());
    }
  }

  private void evaluate(Turn turn, Asking asking) {
    Map<FoundingId, List<Promised>> byFounding =
        asking.promises().values().stream()
            .filter(p -> p.founding().isPresent())
            .collect(
                Collectors.groupingBy(
                    p -> p.founding().orElseThrow(), TreeMap::new, Collectors.toList()));
    for (var entry : byFounding.entrySet()) {
      StoredState newest = newest(entry.getValue()).state();
      if (enough(counted(asking, newest.membership(), entry.getKey()), newest.membership())) {
        lead(turn, asking.term(), entry.getKey(), newest);
        return;
      }
    }
    if (byFounding.isEmpty()) {
      founders(asking)
          .ifPresent(
              disks ->
                  lead(
                      turn,
                      asking.term(),
                      newFounding,
                      new StoredState(Membership.founding(disks), 0, new byte[0], List.of())));
    }
  }

  /** The newest state counts, by accepted term, then version (A4). */
  Promised newest(Collection<Promised> promises) {
    return promises.stream()
        .max(Comparator.comparing(p -> Position.of(p.acceptedTerm(), p.state())))
        .orElseThrow();
  }

  /** How many seats promised with the disk that the membership names (A8). */
  private int counted(Asking asking, Membership membership, FoundingId founding) {
    return (int)
        membership.members().stream()
            .filter(
                member ->
                    asking.promises().values().stream()
                        .anyMatch(
                            p ->
                                p.seat().equals(member.seat())
                                    && diskCounts(membership, p.seat(), p.disk())
                                    && p.founding().map(founding::equals).orElse(true)))
            .count();
  }

  /** Only the disk that the state names (A8). */
  boolean diskCounts(Membership membership, SeatId seat, DiskId disk) {
    return membership.names(seat, disk);
  }

  /** A majority of the configured seats, never of those present (A1). */
  boolean enough(int count, Membership membership) {
    return count >= membership.majority();
  }

  /** All configured seats, present and empty, as of a moment ago (A3). */
  Optional<Map<SeatId, DiskId>> founders(Asking asking) {
    Map<SeatId, Promised> latest = latest(asking);
    var disks = new TreeMap<SeatId, DiskId>();
    for (SeatId seat : configured) {
      Promised promised = latest.get(seat);
      if (promised == null || promised.standing() != Standing.EMPTY || !asking.isFresh(promised)) {
        return Optional.empty();
      }
      disks.put(seat, promised.disk());
    }
    return Optional.of(disks);
  }

  private static Map<SeatId, Promised> latest(Asking asking) {
    var latest = new TreeMap<SeatId, Promised>();
    for (Promised promised : asking.promises().values()) {
      latest.merge(promised.seat(), promised, (a, b) -> a.request() < b.request() ? b : a);
    }
    return latest;
  }

  private String whyWaiting(Asking asking, Set<SeatId> answered, Map<SeatId, String> troubles) {
    Optional<Promised> founded =
        asking.promises().values().stream()
            .filter(p -> p.founding().isPresent())
            .max(Comparator.comparing(p -> Position.of(p.acceptedTerm(), p.state())));
    Map<SeatId, Promised> latest = latest(asking);
    var parts = new ArrayList<String>();
    List<SeatId> seats =
        founded
            .map(p -> p.state().membership().members().stream().map(Membership.Member::seat))
            .orElseGet(configured::stream)
            .toList();
    for (SeatId seat : seats) {
      Promised promised = latest.get(seat);
      if (!answered.contains(seat) || promised == null) {
        parts.add(troubles.getOrDefault(seat, seat + " has not answered"));
      } else if (founded.isPresent()
          && promised.founding().isPresent()
          && !promised.founding().equals(founded.get().founding())) {
        parts.add(
            "%s belongs to another cluster, founded as %s"
                .formatted(seat, promised.founding().get()));
      } else if (founded.isPresent()
          && !founded.get().state().membership().names(seat, promised.disk())) {
        parts.add(seat + " has a new disk and does not count until it is taken back in");
      } else if (founded.isEmpty() && promised.standing() == Standing.LOST) {
        parts.add(
            seat
                + " had a store that is unreadable and was moved aside; if its cluster is given up,"
                + " remove the folder "
                + SeatDisk.FOLDER
                + " from its data directory");
      }
    }
    String wanted =
        founded.isPresent()
            ? "a majority of the seats is needed (%d of %d)"
                .formatted(
                    founded.get().state().membership().majority(),
                    founded.get().state().membership().members().size())
            : "a new cluster is founded only when all %d configured seats are present and empty"
                .formatted(configured.size());
    return wanted + ": " + String.join("; ", parts);
  }

  // --- leading

  private void lead(Turn turn, Term term, FoundingId founding, StoredState state) {
    var leading =
        new Leading(
            term,
            founding,
            state,
            false,
            Optional.of(new Write(WriteKind.REWRITE, state, List.of(), "re-write", Set.of())),
            Optional.empty(),
            Optional.empty(),
            Map.of(),
            turn.now,
            Optional.empty());
    turn.phase = leading;
    for (Membership.Member member : state.membership().members()) {
      sendInstall(turn, member.seat(), true);
    }
    if (!rewritesFirst()) {
      complete(turn, (Leading) turn.phase);
    }
  }

  /** The adopted state is accepted again under the own term before anything else (A4). */
  boolean rewritesFirst() {
    return true;
  }

  private void onAppend(Turn turn, QuorumInput.Append append) {
    if (!(turn.phase instanceof Leading leading)
        || !leading.established()
        || isAppending(leading)) {
      throw new IllegalStateException("cannot append now: " + turn.phase);
    }
    if (append.events().isEmpty()) {
      throw new IllegalArgumentException("nothing to append");
    }
    StoredState target = leading.held().append(leading.held().membership(), append.events());
    if (!target.fits()) {
      turn.outcomes.add(
          new QuorumOutcome.AppendRefused(
              new Reason(
                  ReasonCode.OVERLOADED,
                  "the state would have %d bytes and %d events since the snapshot, at most %d and %d"
                          .formatted(
                              target.bytes(),
                              target.events().size(),
                              SeatLimits.MAX_STATE_BYTES,
                              SeatLimits.MAX_EVENTS_SINCE_SNAPSHOT)
                      + " are kept; compact first, or forget finished jobs")));
      return;
    }
    turn.phase = leading.withQueued(Optional.of(List.copyOf(append.events())));
    startNext(turn);
  }

  static boolean isAppending(Leading leading) {
    return leading.queued().isPresent()
        || leading.write().filter(w -> w.kind() == WriteKind.EVENTS).isPresent();
  }

  private void onCompact(Turn turn, QuorumInput.Compact compact) {
    if (!(turn.phase instanceof Leading leading) || !leading.established()) {
      return; // stepped down since: the next leader compacts
    }
    if (compact.version() < leading.held().snapshotVersion()
        || compact.version() > leading.held().version()) {
      throw new IllegalArgumentException(
          "a snapshot of version %d for %s".formatted(compact.version(), leading.held()));
    }
    turn.phase =
        leading.withCompaction(Optional.of(new Compaction(compact.version(), compact.snapshot())));
    startNext(turn);
  }

  /** One write at a time. */
  private void startNext(Turn turn) {
    if (!(turn.phase instanceof Leading leading)
        || !leading.established()
        || leading.write().isPresent()) {
      return;
    }
    if (leading.compaction().isPresent()) {
      applyCompaction(turn, leading);
      startNext(turn);
      return;
    }
    Optional<Write> change = membershipChange(leading);
    if (change.isPresent()) {
      start(turn, leading, change.get());
      return;
    }
    leading
        .queued()
        .ifPresent(
            events ->
                start(
                    turn,
                    leading.withQueued(Optional.empty()),
                    new Write(
                        WriteKind.EVENTS,
                        leading.held().append(leading.held().membership(), events),
                        events,
                        "append",
                        Set.of())));
  }

  private void applyCompaction(Turn turn, Leading leading) {
    Compaction compaction = leading.compaction().orElseThrow();
    StoredState compacted = leading.held().compact(compaction.version(), compaction.snapshot());
    Leading next = leading.withCompaction(Optional.empty());
    if (!compacted.fits()) {
      turn.phase = next;
      turn.outcomes.add(
          new QuorumOutcome.CompactionRefused(
              new Reason(
                  ReasonCode.OVERLOADED,
                  "the snapshot of version %d makes the state %d bytes, at most %d are kept"
                      .formatted(
                          compaction.version(), compacted.bytes(), SeatLimits.MAX_STATE_BYTES))));
      return;
    }
    turn.phase = next.withHeld(compacted);
    for (Membership.Member member : compacted.membership().members()) {
      sendInstall(turn, member.seat(), true);
    }
  }

  /** Takes a seat with a new disk back in (A8); package-info says why in two steps. */
  Optional<Write> membershipChange(Leading leading) {
    Membership membership = leading.held().membership();
    for (Membership.Member member : membership.members()) {
      Optional<Stranger> stranger =
          leading
              .peer(member.seat())
              .stranger()
              .filter(s -> s.fresh() && !membership.names(member.seat(), s.disk()));
      if (stranger.isEmpty() || waitsForShims(membership, member.seat())) {
        continue;
      }
      if (member.disk().isPresent()) {
        return Optional.of(
            changing(
                leading,
                membership.with(member.seat(), Optional.empty()),
                "seat %s lost its disk %s; its place is vacant"
                    .formatted(member.seat(), member.disk().get())));
      }
      DiskId disk = stranger.get().disk();
      return Optional.of(
          changing(
              leading,
              membership.with(member.seat(), Optional.of(disk)),
              "seat %s is taken back in with disk %s".formatted(member.seat(), disk)));
    }
    return Optional.empty();
  }

  /** A seat in another one's place has no disk before every lease is counted by the new set. */
  boolean waitsForShims(Membership membership, SeatId seat) {
    return membership.joining().filter(seat::equals).isPresent();
  }

  // --- who is a seat (A9)

  private void onInvite(Turn turn, SeatId seat) {
    if (turn.phase instanceof Leading leading && leading.established()) {
      Leading next = leading.withInvited(Optional.of(seat));
      turn.phase = next;
      sendAccept(turn, next, seat);
    }
  }

  /** One at a time; a seat that joins and never comes may be given up. */
  static boolean canChange(Leading leading, SeatChange change) {
    return leading.established()
        && leading.write().isEmpty()
        && leading.queued().isEmpty()
        && leading.held().membership().joining().map(change::takesOut).orElse(true);
  }

  /** The disk that an invited host answers with, once it is sure. */
  static Optional<DiskId> invitedDisk(Leading leading) {
    return leading.invited().flatMap(seat -> freshDisk(leading, seat));
  }

  static Optional<DiskId> freshDisk(Leading leading, SeatId seat) {
    return leading.peer(seat).stranger().filter(Stranger::fresh).map(Stranger::disk);
  }

  private void onChange(Turn turn, SeatChange change) {
    if (!(turn.phase instanceof Leading leading) || !canChange(leading, change)) {
      throw new IllegalStateException("cannot change the seats now: " + turn.phase);
    }
    Membership membership = leading.held().membership();
    Leading next = leading.withInvited(Optional.empty());
    if (change instanceof SeatChange.Add add) {
      DiskId disk =
          invitedDisk(leading)
              .orElseThrow(() -> new IllegalStateException(add.seat() + " was not heard"));
      start(
          turn,
          next,
          changing(
              next,
              membership.adding(add.seat(), disk),
              "%s is a seat with disk %s".formatted(add.seat(), disk)));
    } else if (change instanceof SeatChange.Remove remove) {
      start(
          turn,
          next,
          changing(
              next,
              without(membership, remove.seat()),
              "%s is no seat any more".formatted(remove.seat())));
    } else if (change instanceof SeatChange.Replace replace) {
      start(turn, next, replacing(next, replace));
    } else {
      throw new IllegalArgumentException("unknown change " + change);
    }
  }

  /** One less: any majority before meets any majority after. */
  Membership without(Membership membership, SeatId seat) {
    return membership.removing(seat);
  }

  /**
   * The old seat goes first, the new one's disk is taken in later: else majorities may not meet.
   */
  Write replacing(Leading leading, SeatChange.Replace replace) {
    return changing(
        leading,
        leading.held().membership().replacing(replace.old(), replace.by()),
        "%s is in the place of %s, vacant so far".formatted(replace.by(), replace.old()));
  }

  private void onConfirmed(Turn turn) {
    if (!(turn.phase instanceof Leading leading)
        || !leading.established()
        || leading.write().isPresent()) {
      return;
    }
    Membership membership = leading.held().membership();
    membership
        .joining()
        .flatMap(seat -> leading.peer(seat).stranger())
        .filter(Stranger::fresh)
        .ifPresent(
            stranger -> {
              SeatId seat = membership.joining().orElseThrow();
              start(
                  turn,
                  leading,
                  changing(
                      leading,
                      membership.with(seat, Optional.of(stranger.disk())),
                      "%s is a seat with disk %s".formatted(seat, stranger.disk())));
            });
  }

  static Write changing(Leading leading, Membership membership, String what) {
    return new Write(
        WriteKind.MEMBERSHIP,
        leading.held().append(membership, List.of()),
        List.of(),
        what,
        Set.of());
  }

  private void start(Turn turn, Leading leading, Write write) {
    Leading next = leading.withWrite(Optional.of(write)).withProbedAt(turn.now);
    turn.phase = next;
    for (Membership.Member member : write.target().membership().members()) {
      sendAccept(turn, next, member.seat());
    }
  }

  private void onAccepted(Turn turn, Accepted accepted) {
    if (!(turn.phase instanceof Leading before)
        || !before.term().equals(accepted.term())
        || !before.knows(accepted.seat())) {
      return;
    }
    Leading leading = seen(turn, before, accepted.seat(), accepted.disk(), accepted.request());
    Optional<Write> write = leading.write();
    if (write.isPresent() && counts(leading, write.get(), accepted)) {
      Write counted = write.get().acceptedAlsoBy(accepted.seat());
      leading = leading.withWrite(Optional.of(counted));
      turn.phase = leading;
      if (enough(counted.acceptedBy().size(), counted.target().membership())) {
        complete(turn, leading);
      }
    }
    if (turn.phase instanceof Leading after
        && after.proposed().membership().names(accepted.seat(), accepted.disk())
        && accepted.snapshotVersion() < after.proposed().snapshotVersion()) {
      sendInstall(turn, accepted.seat(), false);
    }
  }

  /**
   * A change of membership is made true without the disk that it takes in or out (A8). A seat that
   * is one more counts: any majority with it meets every majority before.
   */
  private boolean counts(Leading leading, Write write, Accepted accepted) {
    var reached = new Position(accepted.term(), accepted.version(), accepted.membershipVersion());
    return !reached.isBefore(Position.of(leading.term(), write.target()))
        && (!leading.held().membership().has(accepted.seat())
            || diskCounts(leading.held().membership(), accepted.seat(), accepted.disk()))
        && diskCounts(write.target().membership(), accepted.seat(), accepted.disk());
  }

  private void complete(Turn turn, Leading leading) {
    Write write = leading.write().orElseThrow();
    turn.phase = leading.withHeld(write.target()).withWrite(Optional.empty()).withEstablished();
    turn.outcomes.add(
        switch (write.kind()) {
          case REWRITE ->
              new QuorumOutcome.BecameLeader(leading.term(), leading.founding(), write.target());
          case EVENTS -> new QuorumOutcome.Appended(write.target().version());
          case MEMBERSHIP ->
              new QuorumOutcome.MembershipChanged(write.target().membership(), write.what());
        });
    startNext(turn);
  }

  private void onNeedsSnapshot(Turn turn, NeedsSnapshot needs) {
    if (!(turn.phase instanceof Leading before)
        || !before.term().equals(needs.term())
        || !before.knows(needs.seat())) {
      return;
    }
    Leading leading = seen(turn, before, needs.seat(), needs.disk(), needs.request());
    if (leading.proposed().membership().names(needs.seat(), needs.disk())) {
      sendInstall(turn, needs.seat(), false);
    }
  }

  /** Notes with which disk a seat answers; returns the phase after that. */
  private Leading seen(Turn turn, Leading leading, SeatId seat, DiskId disk, long request) {
    Peer peer = leading.peer(seat);
    boolean named =
        leading.held().membership().names(seat, disk)
            || leading.proposed().membership().names(seat, disk);
    if (named) {
      Leading next = leading.withPeer(seat, new Peer(peer.installedAt(), Optional.empty()));
      turn.phase = next;
      return next;
    }
    Optional<Stranger> known = peer.stranger().filter(s -> s.disk().equals(disk));
    if (known.isEmpty()) {
      // taken in only when it answers a request sent after this (A8)
      var stranger = new Stranger(disk, turn.requests, false);
      Leading next = leading.withPeer(seat, new Peer(peer.installedAt(), Optional.of(stranger)));
      turn.phase = next;
      sendAccept(turn, next, seat);
      return next;
    }
    if (!known.get().fresh() && request > known.get().seenAt()) {
      var fresh = new Stranger(disk, known.get().seenAt(), true);
      Leading next = leading.withPeer(seat, new Peer(peer.installedAt(), Optional.of(fresh)));
      turn.phase = next;
      startNext(turn);
    }
    return (Leading) turn.phase;
  }

  /** The write again to those who did not accept it; now and then to all, who may be gone. */
  private void sendAgain(Turn turn, Leading before) {
    boolean probes = !turn.now.isBefore(before.probedAt().plus(probeInterval()));
    Leading leading = probes ? before.withProbedAt(turn.now) : before;
    turn.phase = leading;
    Optional<Write> write = leading.write();
    for (Membership.Member member : leading.proposed().membership().members()) {
      if (!probes && write.map(w -> w.acceptedBy().contains(member.seat())).orElse(true)) {
        continue;
      }
      if (write.isPresent() && write.get().kind() == WriteKind.REWRITE) {
        sendInstall(turn, member.seat(), false);
      } else {
        sendAccept(turn, leading, member.seat());
      }
    }
    leading.invited().ifPresent(seat -> sendAccept(turn, leading, seat));
  }

  // --- stepping down (A7)

  private void onRefused(Turn turn, Refused refused) {
    if (turn.heard.isBefore(refused.promisedTerm())) {
      turn.heard = refused.promisedTerm();
    }
    if (refused.why() == Refusal.OTHER_FOUNDING && lostFoundingRace(turn.phase, refused)) {
      turn.phase = new Resting(turn.now.plus(turn.stepDownWait));
      return;
    }
    if (refused.why() == Refusal.OTHER_FOUNDING || refused.why() == Refusal.TOO_LARGE) {
      turn.trouble(refused.seat(), refused.message());
      return;
    }
    if (refused.why() == Refusal.WOULD_GO_BACK) {
      return; // a delayed request; the seat is ahead of it
    }
    Instant until = turn.now.plus(turn.stepDownWait);
    if (turn.phase instanceof Asking asking && asking.term().equals(refused.term())) {
      if (asking.guess()) {
        ask(turn, turn.heard.next(), false);
      } else {
        turn.phase = new Resting(until);
      }
    } else if (turn.phase instanceof Leading leading && leading.term().equals(refused.term())) {
      until = leading.established() ? until.plus(SeatLimits.OUTBID_WAIT) : until;
      turn.phase = new Resting(until);
      turn.outcomes.add(
          new QuorumOutcome.SteppedDown(
              noQuorum("term %s is over: %s".formatted(leading.term(), refused.message())), until));
    }
  }

  /** Another coordinator founded the cluster meanwhile, in a higher term: ask again. */
  private static boolean lostFoundingRace(Phase phase, Refused refused) {
    return phase instanceof Leading leading
        && !leading.established()
        && leading.term().equals(refused.term())
        && leading.term().isBefore(refused.promisedTerm());
  }

  private static Reason noQuorum(String text) {
    return new Reason(ReasonCode.NO_QUORUM, text);
  }

  // --- messages

  private void sendPromise(Turn turn, SeatId seat, Term term) {
    turn.send.add(
        new ToSeat(
            seat,
            new SeatRequest.Promise(turn.nextRequest(), Optional.empty(), term, incarnation)));
  }

  /** The write in flight, or a question whether the seat still follows. */
  private void sendAccept(Turn turn, Leading leading, SeatId seat) {
    turn.send.add(
        new ToSeat(
            seat,
            new SeatRequest.Accept(
                turn.nextRequest(),
                Optional.of(leading.founding()),
                leading.term(),
                incarnation,
                leading.held().version(),
                leading.held().membership().version(),
                leading.proposed().membership(),
                leading.write().map(Write::events).orElse(List.of()))));
  }

  private void sendInstall(Turn turn, SeatId seat, boolean now) {
    var leading = (Leading) turn.phase;
    Peer peer = leading.peer(seat);
    if (!now && turn.now.isBefore(peer.installedAt().plus(SeatLimits.INSTALL_INTERVAL))) {
      return;
    }
    turn.phase = leading.withPeer(seat, new Peer(turn.now, peer.stranger()));
    turn.send.add(
        new ToSeat(
            seat,
            new SeatRequest.Install(
                turn.nextRequest(),
                Optional.of(leading.founding()),
                leading.term(),
                incarnation,
                leading.proposed())));
  }

  /** One input's worth of changes. */
  private static final class Turn {
    final Instant now;
    final Duration stepDownWait;
    final List<ToSeat> send = new ArrayList<>();
    final List<QuorumOutcome> outcomes = new ArrayList<>();
    Map<SeatId, String> troubles;
    Set<SeatId> alsoAsk;
    long requests;
    Term heard;
    Phase phase;

    Turn(QuorumState state, Instant now, Duration stepDownWait) {
      this.now = now;
      this.stepDownWait = stepDownWait;
      this.troubles = state.troubles();
      this.alsoAsk = state.alsoAsk();
      this.requests = state.requests();
      this.heard = state.heard();
      this.phase = state.phase();
    }

    long nextRequest() {
      requests++;
      return requests;
    }

    void trouble(SeatId seat, String what) {
      if (what.equals(troubles.get(seat))) {
        return;
      }
      var next = new LinkedHashMap<>(troubles);
      next.put(seat, what);
      troubles = next;
      outcomes.add(new QuorumOutcome.SeatTrouble(seat, what));
    }

    QuorumDecision decision() {
      return new QuorumDecision(
          new QuorumState(requests, heard, troubles, alsoAsk, phase),
          List.copyOf(send),
          List.copyOf(outcomes));
    }
  }
}
