package io.lockstep.coordinator.seat;

import io.lockstep.coordinator.seat.SeatReply.Promised;
import io.lockstep.protocol.model.Term;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What one coordinator knows of its seats.
 *
 * @param requests number of the last request sent
 * @param heard highest term heard of
 * @param troubles what was last said about a seat
 * @param alsoAsk hosts beside those of the settings that may be seats
 */
record QuorumState(
    long requests, Term heard, Map<SeatId, String> troubles, Set<SeatId> alsoAsk, Phase phase) {
  QuorumState {
    troubles = inOrder(troubles);
    alsoAsk = Collections.unmodifiableSet(new LinkedHashSet<>(alsoAsk));
  }

  /** Map.copyOf has another order in each process: a seed would not replay. */
  private static <K, V> Map<K, V> inOrder(Map<K, V> map) {
    return Collections.unmodifiableMap(new LinkedHashMap<>(map));
  }

  sealed interface Phase {}

  /** Asks nobody until a time. */
  record Resting(Instant until) implements Phase {}

  /**
   * Asks for promises.
   *
   * @param guess the term was chosen before any was heard: a refusal costs no waiting
   * @param promises of every disk that promised this term
   * @param waiting what was last said about why it takes long
   * @param rounds number of the last request before each of the last rounds, oldest first
   */
  record Asking(
      Term term, boolean guess, Map<Acceptor, Promised> promises, String waiting, List<Long> rounds)
      implements Phase {
    static final int FRESH_ROUNDS = 4;

    Asking {
      rounds = List.copyOf(rounds);
      promises = inOrder(promises);
    }

    Asking nextRound(long lastRequest) {
      var all = new ArrayList<>(rounds);
      all.add(lastRequest);
      return new Asking(
          term,
          guess,
          promises,
          waiting,
          all.subList(Math.max(0, all.size() - FRESH_ROUNDS), all.size()));
    }

    Asking withPromises(Map<Acceptor, Promised> next) {
      return new Asking(term, guess, next, waiting, rounds);
    }

    Asking withWaiting(String next) {
      return new Asking(term, guess, promises, next, rounds);
    }

    /** Answers one of the last rounds: an older "empty" says nothing about now. */
    boolean isFresh(Promised promised) {
      return promised.request() > rounds.get(0);
    }
  }

  /**
   * Has a majority of promises.
   *
   * @param held true under this term; before it is established, what was adopted
   * @param established {@code held} was accepted again by a majority under this term
   * @param write in flight
   * @param queued events to append after it
   * @param compaction to apply after it
   * @param invited no seat yet: asked for its disk, so that it can become one (A9)
   */
  record Leading(
      Term term,
      FoundingId founding,
      StoredState held,
      boolean established,
      Optional<Write> write,
      Optional<List<byte[]>> queued,
      Optional<Compaction> compaction,
      Map<SeatId, Peer> peers,
      Instant probedAt,
      Optional<SeatId> invited)
      implements Phase {
    Leading {
      peers = inOrder(peers);
    }

    /** With the write in flight. */
    StoredState proposed() {
      return write.map(Write::target).orElse(held);
    }

    Peer peer(SeatId seat) {
      return peers.getOrDefault(seat, Peer.UNKNOWN);
    }

    Leading withHeld(StoredState state) {
      return new Leading(
          term, founding, state, established, write, queued, compaction, peers, probedAt, invited);
    }

    Leading withEstablished() {
      return new Leading(
          term, founding, held, true, write, queued, compaction, peers, probedAt, invited);
    }

    Leading withWrite(Optional<Write> next) {
      return new Leading(
          term, founding, held, established, next, queued, compaction, peers, probedAt, invited);
    }

    Leading withQueued(Optional<List<byte[]>> next) {
      return new Leading(
          term, founding, held, established, write, next, compaction, peers, probedAt, invited);
    }

    Leading withCompaction(Optional<Compaction> next) {
      return new Leading(
          term, founding, held, established, write, queued, next, peers, probedAt, invited);
    }

    Leading withPeer(SeatId seat, Peer peer) {
      var next = new LinkedHashMap<>(peers);
      next.put(seat, peer);
      return new Leading(
          term, founding, held, established, write, queued, compaction, next, probedAt, invited);
    }

    Leading withInvited(Optional<SeatId> next) {
      return new Leading(
          term, founding, held, established, write, queued, compaction, peers, probedAt, next);
    }

    /** It is a seat, is to be one, or is invited. */
    boolean knows(SeatId seat) {
      return held.membership().has(seat)
          || proposed().membership().has(seat)
          || invited.filter(seat::equals).isPresent();
    }

    Leading withProbedAt(Instant at) {
      return new Leading(
          term, founding, held, established, write, queued, compaction, peers, at, invited);
    }
  }

  /** A seat with one disk: two disks of a seat are two acceptors (A8). */
  record Acceptor(SeatId seat, DiskId disk) {}

  enum WriteKind {
    /** The adopted state again, under the new term (A4). */
    REWRITE,
    EVENTS,
    MEMBERSHIP
  }

  /**
   * A write that is not yet true.
   *
   * @param events those behind {@code held}; empty unless EVENTS
   */
  record Write(
      WriteKind kind,
      StoredState target,
      List<byte[]> events,
      String what,
      Set<SeatId> acceptedBy) {
    Write {
      events = List.copyOf(events);
      acceptedBy = Set.copyOf(acceptedBy);
    }

    Write acceptedAlsoBy(SeatId seat) {
      var all = new HashSet<>(acceptedBy);
      all.add(seat);
      return new Write(kind, target, events, what, all);
    }
  }

  record Compaction(long version, byte[] snapshot) {}

  /**
   * @param installedAt when the whole state was last sent
   * @param stranger a disk that answers for the seat but is not the one named
   */
  record Peer(Instant installedAt, Optional<Stranger> stranger) {
    static final Peer UNKNOWN = new Peer(Instant.MIN, Optional.empty());
  }

  /**
   * @param seenAt number of the last request when it was first seen
   * @param fresh it has answered a later request, so it is no delayed answer of an older disk
   */
  record Stranger(DiskId disk, long seenAt, boolean fresh) {}
}
