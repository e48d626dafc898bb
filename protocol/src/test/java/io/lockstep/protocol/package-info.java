/** Samples and golden files of the protocol's tests. */
@NullMarked
package io.lockstep.protocol;

import org.jspecify.annotations.NullMarked;
