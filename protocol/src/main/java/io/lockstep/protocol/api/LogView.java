package io.lockstep.protocol.api;

/**
 * A piece of a worker's output.
 *
 * @param text decoded as UTF-8, bad bytes replaced
 * @param nextOffset offset to ask for next, in bytes
 * @param ended true when the attempt is over and nothing follows
 */
public record LogView(
    int rank,
    int nodeRank,
    int attempt,
    long offset,
    long nextOffset,
    boolean ended,
    String text) {}
