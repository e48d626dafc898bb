package io.lockstep.protocol.api;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Optional;

/**
 * A node as people and programs see it (contract: {@code nodes --output json}).
 *
 * @param askedRank node rank that the host asks for, as {@code lockstep run --node-rank} does
 * @param lastKnown present when no coordinator answered; see {@link LastKnownView}
 */
public record NodeView(
    String node,
    String address,
    String health,
    boolean seat,
    boolean coordinator,
    int procs,
    List<GpuView> gpus,
    Optional<String> job,
    Optional<Integer> nodeRank,
    JobView.ReasonView reason,
    List<Long> workerPids,
    Optional<Integer> askedRank,
    @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<LastKnownView> lastKnown) {
  /** A node as the coordinator knows it. */
  public NodeView(
      String node,
      String address,
      String health,
      boolean seat,
      boolean coordinator,
      int procs,
      List<GpuView> gpus,
      Optional<String> job,
      Optional<Integer> nodeRank,
      JobView.ReasonView reason,
      List<Long> workerPids,
      Optional<Integer> askedRank) {
    this(
        node,
        address,
        health,
        seat,
        coordinator,
        procs,
        gpus,
        job,
        nodeRank,
        reason,
        workerPids,
        askedRank,
        Optional.empty());
  }

  public NodeView {
    gpus = List.copyOf(gpus);
    workerPids = List.copyOf(workerPids);
  }

  /** One GPU. */
  public record GpuView(int index, String uuid, String name, long memoryBytes) {}
}
