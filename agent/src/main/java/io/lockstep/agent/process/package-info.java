/** The only place that starts and ends processes: torchrun's command line, the shim, /proc. */
@NullMarked
package io.lockstep.agent.process;

import org.jspecify.annotations.NullMarked;
