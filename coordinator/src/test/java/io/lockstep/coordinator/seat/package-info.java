/** Tests of seats and quorum. */
@NullMarked
package io.lockstep.coordinator.seat;

import org.jspecify.annotations.NullMarked;
