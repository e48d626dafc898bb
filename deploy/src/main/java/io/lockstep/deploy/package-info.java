/** The daemon: its settings, its cluster membership, and what runs on both. */
@NullMarked
package io.lockstep.deploy;

import org.jspecify.annotations.NullMarked;
