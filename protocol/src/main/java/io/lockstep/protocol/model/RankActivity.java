package io.lockstep.protocol.model;

/**
 * One worker as its shim sees it from outside. Ages, by the shim's own monotonic clock.
 *
 * @param step last step that its own output named; -1 when it named none
 * @param stillMillis since its output last moved: a step, a bar, a loss
 * @param busyPermille CPU of its whole process tree in the last sample, in thousandths of one core
 * @param state of its process as /proc has it: R S D T t Z, or ? when it could not be read
 * @param stepMillis time of one step over the last 20 that its own output named; 0 when unknown
 * @param meanBusyPermille the same CPU over the last minute; 0 before there was one
 */
public record RankActivity(
    int rank,
    long step,
    long stillMillis,
    int busyPermille,
    String state,
    long stepMillis,
    int meanBusyPermille) {}
