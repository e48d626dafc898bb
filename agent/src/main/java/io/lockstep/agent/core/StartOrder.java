package io.lockstep.agent.core;

import io.lockstep.protocol.model.CompleteCheckpoint;
import java.util.Optional;

/**
 * What is only known when all nodes are prepared.
 *
 * @param resume the checkpoint that all nodes hold; empty means a fresh start
 * @param moveAside true when checkpoints that lie in the folder are moved aside first
 */
public record StartOrder(int masterPort, Optional<CompleteCheckpoint> resume, boolean moveAside) {}
