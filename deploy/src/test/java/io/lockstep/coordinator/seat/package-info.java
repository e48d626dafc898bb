/** Test doors into the seats' package. */
@NullMarked
package io.lockstep.coordinator.seat;

import org.jspecify.annotations.NullMarked;
