package io.lockstep.coordinator.seat;

import io.lockstep.protocol.model.Term;
import java.time.Duration;
import java.util.Optional;

/**
 * What one seat has accepted by now. Only a majority of the seats says what is true; this is what
 * can still be said where there is none.
 *
 * @param term under which it was accepted
 * @param age since the seat last accepted anything; empty when that was before its daemon started
 */
public record LastAccepted(SeatId seat, Term term, StoredState stored, Optional<Duration> age) {}
