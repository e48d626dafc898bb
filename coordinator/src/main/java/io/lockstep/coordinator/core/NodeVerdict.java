package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.NodeId;

/**
 * Whether a node may take a rank of a job, and if not, why.
 *
 * @param why a phrase that goes on from the node's name, as in "lost"
 */
public record NodeVerdict(NodeId node, boolean free, String why) {}
