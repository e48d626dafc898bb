package io.lockstep.protocol.message;

/** Marks what an agent receives. */
public interface ToAgent {}
