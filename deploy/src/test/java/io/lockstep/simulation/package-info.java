/**
 * All pure machines together on a virtual cluster: one seed is one schedule. It lives here because
 * coordinator and agent code must not know each other.
 */
@NullMarked
package io.lockstep.simulation;

import org.jspecify.annotations.NullMarked;
