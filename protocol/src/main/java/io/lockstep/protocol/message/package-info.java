/** What coordinator and agents say to each other, and how it is written on the wire. */
@NullMarked
package io.lockstep.protocol.message;

import org.jspecify.annotations.NullMarked;
