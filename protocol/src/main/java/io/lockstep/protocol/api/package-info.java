/** REST request and response records, shared by server and CLI. */
@NullMarked
package io.lockstep.protocol.api;

import org.jspecify.annotations.NullMarked;
