/** Decides about the one worker group of a node; pure, no Akka, no clock, no file. */
@NullMarked
package io.lockstep.agent.core;

import org.jspecify.annotations.NullMarked;
