/** What the agent reads and writes on its host: preflight, inventory, checkpoints, its memory. */
@NullMarked
package io.lockstep.agent.host;

import org.jspecify.annotations.NullMarked;
