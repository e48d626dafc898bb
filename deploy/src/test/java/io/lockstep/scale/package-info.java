/**
 * A fleet of light agents for {@code deploy/bench/scale}: the real agent's actor and machine, each
 * in an actor system of its own and over real sockets, with hands that only pretend to train.
 */
@NullMarked
package io.lockstep.scale;

import org.jspecify.annotations.NullMarked;
