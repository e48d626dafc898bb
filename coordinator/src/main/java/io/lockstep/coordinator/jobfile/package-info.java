/** The job file: text in, a complete job or every mistake with its place out. Reads no file. */
@NullMarked
package io.lockstep.coordinator.jobfile;

import org.jspecify.annotations.NullMarked;
