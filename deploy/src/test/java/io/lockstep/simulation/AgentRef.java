package io.lockstep.simulation;

/** Reaches one life of an agent; what is sent to an earlier life is lost. */
record AgentRef(String host, int life) {}
