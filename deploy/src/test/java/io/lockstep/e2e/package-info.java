/** End to end: real daemons, real torchrun, real processes, on addresses of their own in 127/8. */
@NullMarked
package io.lockstep.e2e;

import org.jspecify.annotations.NullMarked;
