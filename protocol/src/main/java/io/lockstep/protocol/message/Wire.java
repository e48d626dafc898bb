package io.lockstep.protocol.message;

/** Marks what may travel between daemons; {@link WireSerializer} writes it. */
public interface Wire {}
