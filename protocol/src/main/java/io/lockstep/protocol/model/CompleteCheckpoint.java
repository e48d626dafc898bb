package io.lockstep.protocol.model;

/**
 * A checkpoint that passed the completeness test on a node.
 *
 * @param worldSize number of ranks that wrote it; 0 where the format does not say
 */
public record CompleteCheckpoint(String path, long step, int worldSize) {}
