/** The coordinator's rules: pure, no Akka, no clock, no randomness, no file, no logger. */
@NullMarked
package io.lockstep.coordinator.core;

import org.jspecify.annotations.NullMarked;
