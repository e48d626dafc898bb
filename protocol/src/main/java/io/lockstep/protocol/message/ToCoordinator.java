package io.lockstep.protocol.message;

/** Marks what the coordinator singleton receives. */
public interface ToCoordinator {}
