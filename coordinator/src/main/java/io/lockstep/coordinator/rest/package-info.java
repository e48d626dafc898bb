/** HTTP: routes, problem responses, server-sent events. Decides nothing, asks the coordinator. */
@NullMarked
package io.lockstep.coordinator.rest;

import org.jspecify.annotations.NullMarked;
