package io.lockstep.protocol.api;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Optional;

/**
 * A node as people and programs see it (contract: {@code nodes --output json}).
 *
 * @param askedRank node rank that the host asks for, as {@code lockstep run --node-rank} does
 * @param warmPool the preloaded process that its next start is forked from; absent without one
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
    @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<WarmPoolView> warmPool,
    @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<LastKnownView> lastKnown) {
  /** A node without a warm pool, as the coordinator knows it. */
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
        Optional.empty(),
        Optional.empty());
  }

  public NodeView withWarmPool(Optional<WarmPoolView> warm) {
    return new NodeView(
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
        warm,
        lastKnown);
  }

  public NodeView {
    gpus = List.copyOf(gpus);
    workerPids = List.copyOf(workerPids);
  }

  /** One GPU. */
  public record GpuView(int index, String uuid, String name, long memoryBytes) {}

  /**
   * A warm pool.
   *
   * @param state LOADING, READY or FAILED
   * @param spare true on a spare, false on a node that trains
   * @param problem why it failed
   */
  public record WarmPoolView(
      String job,
      String state,
      boolean spare,
      Optional<Long> memoryBytes,
      Optional<String> problem) {}
}
