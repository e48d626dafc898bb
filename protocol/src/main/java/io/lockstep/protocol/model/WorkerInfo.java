package io.lockstep.protocol.model;

/** One training process on its node. */
public record WorkerInfo(int rank, int localRank, long pid) {}
