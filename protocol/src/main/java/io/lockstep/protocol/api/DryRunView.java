package io.lockstep.protocol.api;

import io.lockstep.protocol.api.JobView.ReasonView;
import io.lockstep.protocol.api.JobView.WaitView;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What a job would start, were it submitted now. What only the nodes know when they prepare stands
 * in angle brackets.
 *
 * @param placeable false when it would wait, as {@code reason} and {@code waits} say
 * @param launches one for each node, by node rank; empty unless placeable
 * @param env what workers get beyond the daemon's own environment and torchrun's variables
 * @param zeroJson the configuration that every node would write
 * @param resume from where it would go on, as far as it is known before nodes have looked
 */
public record DryRunView(
    String id,
    String name,
    boolean placeable,
    ReasonView reason,
    int worldSize,
    List<LaunchView> launches,
    List<String> spareNodes,
    List<WaitView> waits,
    Map<String, String> env,
    Optional<String> zeroJson,
    String resume) {
  public DryRunView {
    launches = List.copyOf(launches);
    spareNodes = List.copyOf(spareNodes);
    waits = List.copyOf(waits);
    env = java.util.Collections.unmodifiableMap(new TreeMap<>(env));
  }

  /**
   * One node's part.
   *
   * @param ranks its workers' first and last rank
   */
  public record LaunchView(
      int nodeRank, String node, String address, String ranks, List<String> argv) {
    public LaunchView {
      argv = List.copyOf(argv);
    }
  }
}
