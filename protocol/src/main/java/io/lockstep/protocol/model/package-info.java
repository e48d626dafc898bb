/** Values that coordinator and agents speak about; immutable, JDK only. */
@NullMarked
package io.lockstep.protocol.model;

import org.jspecify.annotations.NullMarked;
