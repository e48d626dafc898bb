/**
 * Failure rules: what the lines of a failed group mean, as data.
 *
 * <p>Rationale: apart from core, since patterns are RE2's (core knows the JDK alone), and apart
 * from the command, whose class path is short.
 */
@NullMarked
package io.lockstep.coordinator.failure;

import org.jspecify.annotations.NullMarked;
