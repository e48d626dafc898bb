/** Shell of the coordinator: mailbox, quorum store, action runner, singleton wiring. */
@NullMarked
package io.lockstep.coordinator.actor;

import org.jspecify.annotations.NullMarked;
