/**
 * Acceptors of the coordinator's state and the coordinator's side of that quorum (authority.md).
 *
 * <p>RATIONALE. The order of stored state is (accepted term, version, membership version): the
 * version counts the coordinator's events only, so that it can be a plan number (A10), and a change
 * of the seats' disk ids is a write of its own that no event shows.
 *
 * <p>RATIONALE. A seat with a new disk is taken back in two writes: its place is first vacated,
 * then filled with the new id. Naming the new id in one write would let {b, old c} and {a, new c}
 * be majorities that do not meet; through the vacant place every majority before meets every one
 * after.
 */
@NullMarked
package io.lockstep.coordinator.seat;

import org.jspecify.annotations.NullMarked;
