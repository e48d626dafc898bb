package io.lockstep.coordinator.actor;

import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.coordinator.core.Lease;
import io.lockstep.coordinator.core.LeaseReport;
import io.lockstep.coordinator.seat.Membership;
import io.lockstep.coordinator.seat.QuorumDriver;
import io.lockstep.coordinator.seat.SeatChange;
import io.lockstep.coordinator.seat.SeatId;
import io.lockstep.coordinator.seat.SeatRules;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * A user's wish to change who is a seat, until it is true or refused (A9). A change begins only
 * while every lease that may be held is counted by the set in force, so that a lease is counted by
 * the newest set or the one before, and their majorities meet. Not final only so that the mutation
 * tests can take the rule out.
 */
public class SeatChanges {
  /** How long the conditions are waited for; shorter than an answer may take. */
  static final Duration PATIENCE = Duration.ofSeconds(4);

  /** A seat that has accepted nothing for longer does not count as one that answers. */
  static final Duration ANSWERS_WITHIN = Duration.ofSeconds(3);

  private Optional<Wish> wish = Optional.empty();

  private record Wish(
      SeatChange change, Instant until, boolean begun, Consumer<CoordinatorAnswer> replyTo) {
    void answer(CoordinatorAnswer answer) {
      replyTo.accept(answer);
    }
  }

  /** Takes a wish up; refuses at once what can never be. */
  public Optional<QuorumDriver.Step> begin(
      SeatChange change, Consumer<CoordinatorAnswer> replyTo, QuorumDriver quorum, Instant now) {
    Optional<String> problem =
        wish.map(w -> "another change is under way: " + text(w.change()) + "; wait for its end")
            .or(() -> quorum.membership().flatMap(m -> SeatRules.mistake(m, change)));
    if (problem.isPresent()) {
      replyTo.accept(refused(problem.get()));
      return Optional.empty();
    }
    wish = Optional.of(new Wish(change, now.plus(PATIENCE), false, replyTo));
    return newcomer(change).map(seat -> quorum.invite(seat, now));
  }

  private static Optional<SeatId> newcomer(SeatChange change) {
    if (change instanceof SeatChange.Add add) {
      return Optional.of(add.seat());
    }
    return change instanceof SeatChange.Replace replace
        ? Optional.of(replace.by())
        : Optional.empty();
  }

  /**
   * Goes on with the wish, and with a place that waits for its disk. Call it between two inputs,
   * when nothing that was decided waits to be stored: what it looks at must still be so when the
   * change is sent.
   */
  public Optional<QuorumDriver.Step> look(
      QuorumDriver quorum, ClusterState state, LeaseWatch leases, Instant now) {
    Membership membership = quorum.membership().orElse(Membership.NONE);
    List<Lease> older = olderLeases(state, leases.report(quorum), membership.set());
    if (membership.joining().isPresent() && !givesUp(membership.joining().get())) {
      giveUp(now, "the last change is not finished: " + membership.joining().get() + " joins");
      return older.isEmpty() ? Optional.of(quorum.confirmed(now)) : Optional.empty();
    }
    if (wish.isEmpty() || wish.get().begun()) {
      return Optional.empty();
    }
    Wish wanted = wish.get();
    Optional<String> obstacle = obstacle(wanted.change(), quorum, membership, leases, older, now);
    if (obstacle.isPresent()) {
      giveUp(now, obstacle.get());
      return Optional.empty();
    }
    wish = Optional.of(new Wish(wanted.change(), wanted.until(), true, wanted.replyTo()));
    return Optional.of(quorum.change(wanted.change(), now));
  }

  private static Optional<String> obstacle(
      SeatChange change,
      QuorumDriver quorum,
      Membership membership,
      LeaseWatch leases,
      List<Lease> older,
      Instant now) {
    Optional<SeatId> newcomer = newcomer(change);
    if (newcomer.isPresent() && !quorum.isInvitedHeard()) {
      return Optional.of(
          newcomer.get() + " does not answer as a seat; does its lockstepd run, in this release?");
    }
    if (!older.isEmpty()) {
      Lease lease = older.get(0);
      return Optional.of(
          "the workers of %s on %s do not count the seats of now yet; wait until they do, or until their attempt is over"
              .formatted(lease.fence(), lease.node()));
    }
    Optional<String> lost =
        SeatRules.lostMajority(
            membership, change, leases.answering(membership, ANSWERS_WITHIN, now));
    return lost.or(
        () ->
            quorum.canChange(change)
                ? Optional.empty()
                : Optional.of("another write is under way"));
  }

  /** Leases that may be held and are counted by an older set than this, or by none that we know. */
  protected List<Lease> olderLeases(ClusterState state, LeaseReport report, long set) {
    return state.mayBeHeld().stream().filter(lease -> !report.isCountedBy(lease, set)).toList();
  }

  private boolean givesUp(SeatId joining) {
    return wish.filter(w -> w.change().takesOut(joining)).isPresent();
  }

  private void giveUp(Instant now, String why) {
    wish.filter(w -> !w.begun() && !now.isBefore(w.until()))
        .ifPresent(
            w -> {
              wish = Optional.empty();
              w.answer(refused(why));
            });
  }

  /** A seat said why it cannot take part. */
  public void trouble(SeatId seat, String what) {
    wish.filter(w -> !w.begun() && newcomer(w.change()).filter(seat::equals).isPresent())
        .ifPresent(
            w -> {
              wish = Optional.empty();
              w.answer(refused(what));
            });
  }

  /** A change of the membership is true. */
  public void changed(Membership membership) {
    wish.filter(Wish::begun)
        .ifPresent(
            w -> {
              wish = Optional.empty();
              w.answer(
                  new CoordinatorAnswer.Done(
                      Reason.of(
                          ReasonCode.SEATS_CHANGED,
                          "%s: set %d of %d seats%s",
                          text(w.change()),
                          membership.set(),
                          membership.members().size(),
                          membership
                              .joining()
                              .map(j -> "; " + j + " takes its place in a moment")
                              .orElse(""))));
            });
  }

  /** The coordinator steps down. */
  public void forget(Reason why) {
    wish.ifPresent(w -> w.answer(new CoordinatorAnswer.Refused(why)));
    wish = Optional.empty();
  }

  private static CoordinatorAnswer.Refused refused(String why) {
    return new CoordinatorAnswer.Refused(
        new Reason(ReasonCode.SEATS_UNCHANGED, "the seats stay as they are: " + why));
  }

  private static String text(SeatChange change) {
    if (change instanceof SeatChange.Add add) {
      return add.seat() + " is a seat";
    } else if (change instanceof SeatChange.Remove remove) {
      return remove.seat() + " is no seat any more";
    } else if (change instanceof SeatChange.Replace replace) {
      return replace.by() + " is a seat in place of " + replace.old();
    }
    throw new IllegalArgumentException("unknown change " + change);
  }
}
