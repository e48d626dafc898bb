package io.lockstep.coordinator.seat;

/** A request that the coordinator is to send; losing it, or sending it twice, is harmless. */
public record ToSeat(SeatId seat, SeatRequest request) {}
