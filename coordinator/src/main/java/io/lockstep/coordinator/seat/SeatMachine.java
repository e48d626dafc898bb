package io.lockstep.coordinator.seat;

import io.lockstep.coordinator.seat.SeatReply.Accepted;
import io.lockstep.coordinator.seat.SeatReply.NeedsSnapshot;
import io.lockstep.coordinator.seat.SeatReply.Promised;
import io.lockstep.coordinator.seat.SeatReply.Refusal;
import io.lockstep.coordinator.seat.SeatReply.Refused;
import java.util.List;
import java.util.Optional;

/** Decides one seat's promises and acceptances (A2 to A6, A8); {@link LeaseBook} grants by them. */
class SeatMachine {
  private final SeatId seat;

  SeatMachine(SeatId seat) {
    this.seat = seat;
  }

  /** The answer may leave only after {@link SeatDecision#next()} is synced (A2). */
  SeatDecision decide(SeatState state, SeatRequest request) {
    Optional<Refused> refused = refusal(state, request);
    if (refused.isPresent()) {
      return SeatDecision.unchanged(state, refused.get());
    }
    if (request instanceof SeatRequest.Promise promise) {
      return promise(state, promise);
    } else if (request instanceof SeatRequest.Accept accept) {
      return accept(state, accept);
    } else if (request instanceof SeatRequest.Install install) {
      return install(state, install);
    }
    throw new IllegalArgumentException("unknown request " + request);
  }

  private Optional<Refused> refusal(SeatState state, SeatRequest request) {
    if (state.founding().isPresent()
        && request.founding().isPresent()
        && !state.founding().equals(request.founding())) {
      return Optional.of(
          refused(
              state,
              request,
              Refusal.OTHER_FOUNDING,
              "%s belongs to the cluster founded as %s, not to %s; give the host an empty data"
                      .formatted(seat, state.founding().get(), request.founding().get())
                  + " directory or the seats of its own cluster"));
    }
    if (request.term().isBefore(state.promised())) {
      return Optional.of(
          refused(
              state,
              request,
              Refusal.HIGHER_TERM,
              "%s promised term %s".formatted(seat, state.promised())));
    }
    if (request.term().equals(state.promised())
        && !request.incarnation().equals(state.promisedTo())) {
      return Optional.of(
          refused(
              state,
              request,
              Refusal.TERM_TAKEN,
              "%s gave term %s to %s".formatted(seat, state.promised(), state.promisedTo())));
    }
    return Optional.empty();
  }

  private SeatDecision promise(SeatState state, SeatRequest.Promise promise) {
    Promised promised =
        new Promised(
            promise.request(),
            seat,
            state.disk(),
            promise.term(),
            state.standing(),
            state.founding(),
            state.acceptedTerm(),
            state.stored());
    return promise.term().equals(state.promised())
        ? SeatDecision.unchanged(state, promised)
        : SeatDecision.changed(state.promising(promise.term(), promise.incarnation()), promised);
  }

  private SeatDecision accept(SeatState state, SeatRequest.Accept accept) {
    Position held = state.position();
    if (state.founding().isEmpty() || !mayAppendTo(held, accept)) {
      return needsSnapshot(state, accept);
    }
    var target =
        new Position(
            held.term(),
            accept.previousVersion() + accept.events().size(),
            accept.membership().version());
    if (!held.isBefore(target)) {
      return SeatDecision.unchanged(state, accepted(state, accept));
    }
    if (held.version() != accept.previousVersion()
        || held.membership() != accept.previousMembership()) {
      return needsSnapshot(state, accept);
    }
    StoredState stored = state.stored().append(accept.membership(), accept.events());
    if (!stored.fits()) {
      return tooLarge(state, accept, stored);
    }
    SeatState next = state.accepting(state.founding(), accept.term(), accept.incarnation(), stored);
    return SeatDecision.changed(next, accepted(next, accept));
  }

  /** Only to state that was accepted under the same term (A6). */
  boolean mayAppendTo(Position held, SeatRequest.Accept accept) {
    return held.term().equals(accept.term());
  }

  private SeatDecision install(SeatState state, SeatRequest.Install install) {
    if (install.founding().isEmpty()) {
      throw new IllegalArgumentException("a state without founding: " + install);
    }
    if (!install.state().membership().names(seat, state.disk())) {
      // meant for an earlier disk, perhaps by the loser of a founding; the answer shows the new
      // disk, which is first taken back in (A8)
      return needsSnapshot(state, install);
    }
    Position held = state.position();
    var target = Position.of(install.term(), install.state());
    if (target.isBefore(held)) {
      return SeatDecision.unchanged(
          state,
          refused(
              state,
              install,
              Refusal.WOULD_GO_BACK,
              "%s holds %s, which is newer than %s".formatted(seat, held, target)));
    }
    if (target.equals(held)
        && install.state().snapshotVersion() <= state.stored().snapshotVersion()) {
      return SeatDecision.unchanged(state, accepted(state, install));
    }
    if (!install.state().fits()) {
      return tooLarge(state, install, install.state());
    }
    SeatState next =
        state.accepting(install.founding(), install.term(), install.incarnation(), install.state());
    return SeatDecision.changed(next, accepted(next, install));
  }

  private Accepted accepted(SeatState state, SeatRequest request) {
    return new Accepted(
        request.request(),
        seat,
        state.disk(),
        request.term(),
        state.stored().version(),
        state.stored().membership().version(),
        state.stored().snapshotVersion(),
        0,
        List.of());
  }

  private SeatDecision needsSnapshot(SeatState state, SeatRequest request) {
    return SeatDecision.unchanged(
        state,
        new NeedsSnapshot(
            request.request(),
            seat,
            state.disk(),
            request.term(),
            state.acceptedTerm(),
            state.stored().version()));
  }

  private SeatDecision tooLarge(SeatState state, SeatRequest request, StoredState stored) {
    return SeatDecision.unchanged(
        state,
        refused(
            state,
            request,
            Refusal.TOO_LARGE,
            "%d bytes in a snapshot and %d events; %s keeps at most %d bytes and %d events"
                .formatted(
                    stored.bytes(),
                    stored.events().size(),
                    seat,
                    SeatLimits.MAX_STATE_BYTES,
                    SeatLimits.MAX_EVENTS_SINCE_SNAPSHOT)));
  }

  private Refused refused(SeatState state, SeatRequest request, Refusal why, String message) {
    return new Refused(
        request.request(), seat, state.disk(), request.term(), state.promised(), why, message);
  }
}
