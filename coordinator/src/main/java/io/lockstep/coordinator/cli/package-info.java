/** The lockstep command: one class per verb; talks REST only. */
@NullMarked
package io.lockstep.coordinator.cli;

import org.jspecify.annotations.NullMarked;
