package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.NodeId;
import java.time.Instant;

/**
 * A checkpoint that is made loadable by any number of ranks before an attempt's release.
 *
 * @param on the node that was ordered to
 */
public record Conversion(NodeId on, CompleteCheckpoint checkpoint, Instant since) {}
