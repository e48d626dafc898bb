package io.lockstep.protocol.model;

import java.util.Optional;

/**
 * What a node that is a spare must know of a job to keep a warm pool for it: all of a launch but
 * who has which rank, which is not known before a node is lost.
 *
 * @param fence of the attempt that runs: tells a newer order from an older one; nothing runs here
 *     under it
 * @param zeroJson the DeepSpeed configuration of the job; empty without ZeRO
 */
public record StandbyOrder(Fence fence, JobSpec job, int procsPerNode, Optional<String> zeroJson) {
  /** The same pool serves both: they differ in nothing but the attempt. */
  public boolean wantsTheSameAs(StandbyOrder other) {
    return fence.job().equals(other.fence.job())
        && job.equals(other.job)
        && procsPerNode == other.procsPerNode
        && zeroJson.equals(other.zeroJson);
  }
}
