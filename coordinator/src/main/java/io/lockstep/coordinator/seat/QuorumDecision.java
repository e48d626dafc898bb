package io.lockstep.coordinator.seat;

import java.util.List;

/** What the coordinator's side decided: the state to keep, what to send, what became of it. */
record QuorumDecision(QuorumState next, List<ToSeat> send, List<QuorumOutcome> outcomes) {}
