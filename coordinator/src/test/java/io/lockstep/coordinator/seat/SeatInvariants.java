package io.lockstep.coordinator.seat;

import io.lockstep.protocol.model.Term;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What must hold after every step of a {@link SeatSimulation}, a class for each sentence. */
final class SeatInvariants {
  final OneValuePerVersion oneValuePerVersion = new OneValuePerVersion();
  final AcknowledgedIsNeverLost acknowledgedIsNeverLost = new AcknowledgedIsNeverLost();
  final VersionIsAcknowledgedOnce versionIsAcknowledgedOnce = new VersionIsAcknowledgedOnce();
  final OneLeaderPerTerm oneLeaderPerTerm = new OneLeaderPerTerm();
  final OneFounding oneFounding = new OneFounding();
  final SeatNeverGoesBack seatNeverGoesBack = new SeatNeverGoesBack();

  void becameLeader(Term term, String incarnation, FoundingId founding, List<Long> history) {
    oneFounding.check(founding);
    oneLeaderPerTerm.check(term, incarnation);
    acknowledgedIsNeverLost.leader(term, history);
    for (int i = 0; i < history.size(); i++) {
      oneValuePerVersion.check(i + 1, history.get(i));
    }
  }

  void acknowledged(Term term, List<Long> history, int events) {
    for (int i = history.size() - events; i < history.size(); i++) {
      oneValuePerVersion.check(i + 1, history.get(i));
      versionIsAcknowledgedOnce.check(i + 1);
    }
    acknowledgedIsNeverLost.acknowledged(term, history);
  }

  static void require(boolean holds, Object invariant, String format, Object... args) {
    if (!holds) {
      throw new Broken(invariant.getClass().getSimpleName(), String.format(format, args));
    }
  }

  /** An invariant does not hold. */
  static final class Broken extends RuntimeException {
    private static final long serialVersionUID = 1L;
    final String invariant;

    Broken(String invariant, String message) {
      super(invariant + ": " + message);
      this.invariant = invariant;
    }
  }

  /** What was ever true at a version is the same for everybody. */
  static final class OneValuePerVersion {
    private final Map<Integer, Long> values = new HashMap<>();

    void check(int version, long value) {
      Long old = values.putIfAbsent(version, value);
      require(old == null || old == value, this, "version %d was %s, now %d", version, old, value);
    }
  }

  /** A leader knows every write that was acknowledged in a lower term, or in its own. */
  static final class AcknowledgedIsNeverLost {
    private final TreeMap<Term, List<Long>> acknowledged = new TreeMap<>();
    private final TreeMap<Term, List<Long>> leaders = new TreeMap<>();

    void leader(Term term, List<Long> history) {
      acknowledged
          .headMap(term, true)
          .forEach((old, writes) -> requirePrefix(old, writes, term, history));
      leaders.put(term, List.copyOf(history));
    }

    void acknowledged(Term term, List<Long> history) {
      leaders
          .tailMap(term, false)
          .forEach((later, known) -> requirePrefix(term, history, later, known));
      acknowledged.put(term, List.copyOf(history));
    }

    private void requirePrefix(Term term, List<Long> writes, Term later, List<Long> known) {
      require(
          writes.size() <= known.size() && known.subList(0, writes.size()).equals(writes),
          this,
          "term %s acknowledged %s, the leader of term %s knows %s",
          term,
          writes,
          later,
          known);
    }
  }

  /** A version, so a plan number, is given out once (A10). */
  static final class VersionIsAcknowledgedOnce {
    private final Map<Integer, Boolean> given = new HashMap<>();

    void check(int version) {
      require(given.put(version, true) == null, this, "version %d twice", version);
    }
  }

  /** A term has one leader (A4). */
  static final class OneLeaderPerTerm {
    private final Map<Term, String> leaders = new HashMap<>();

    void check(Term term, String incarnation) {
      String old = leaders.putIfAbsent(term, incarnation);
      require(
          old == null || old.equals(incarnation),
          this,
          "term %s led by %s and %s",
          term,
          old,
          incarnation);
    }
  }

  /** A cluster is founded once (A3). */
  static final class OneFounding {
    private final List<FoundingId> seen = new ArrayList<>();

    void check(FoundingId founding) {
      if (!seen.contains(founding)) {
        seen.add(founding);
      }
      require(seen.size() == 1, this, "founded as %s", seen);
    }
  }

  /** On one disk neither the promise nor what was accepted goes back (A4, A6). */
  static final class SeatNeverGoesBack {
    void check(SeatState before, SeatState after) {
      if (!before.disk().equals(after.disk())) {
        return;
      }
      require(
          !after.promised().isBefore(before.promised()),
          this,
          "promise %s after %s",
          after.promised(),
          before.promised());
      require(
          !after.position().isBefore(before.position()),
          this,
          "%s after %s",
          after.position(),
          before.position());
      require(
          !after.promised().isBefore(after.acceptedTerm()),
          this,
          "accepted term %s above promise %s",
          after.acceptedTerm(),
          after.promised());
    }
  }
}
