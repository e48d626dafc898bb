/** Looks at the host before workers start on it: one class for each check. */
@NullMarked
package io.lockstep.agent.check;

import org.jspecify.annotations.NullMarked;
