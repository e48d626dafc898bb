/** Test doors into the coordinator's core. */
@NullMarked
package io.lockstep.coordinator.core;

import org.jspecify.annotations.NullMarked;
