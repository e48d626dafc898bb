package io.lockstep.protocol.model;

import java.util.Optional;

/**
 * Everything one node needs for one attempt, but what is only known when all are prepared (the
 * master port and the checkpoint come with Start).
 *
 * @param agentDisk the agent's disk id that the coordinator knows: an agent that lost its memory
 *     must say Hello first
 * @param zeroJson the DeepSpeed configuration to write; empty without ZeRO
 * @param restartCause why the attempt before this one ended; empty on the first
 */
public record LaunchSpec(
    Fence fence,
    NodeId node,
    int nodeRank,
    RankTable rankTable,
    String agentDisk,
    JobSpec job,
    Optional<String> zeroJson,
    String restartCause) {}
