/** {@code lockstep run}: an embedded daemon in the foreground, called as torchrun is called. */
@NullMarked
package io.lockstep.deploy.run;

import org.jspecify.annotations.NullMarked;
