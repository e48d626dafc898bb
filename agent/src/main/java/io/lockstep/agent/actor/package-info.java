/** The shell around the machine: mailbox, store first, act after, talk to the coordinator. */
@NullMarked
package io.lockstep.agent.actor;

import org.jspecify.annotations.NullMarked;
