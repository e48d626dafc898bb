package io.lockstep.agent.check;

import io.lockstep.protocol.model.NodeId;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the checks need to know of their host.
 *
 * @param markerPrefix what this daemon's processes carry
 * @param interfaceName network interface that holds the address
 * @param gpus indices found when the daemon started
 * @param env what workers inherit
 * @param shim folder of the Python package lockstep_shim
 * @param masterPortLow first port of the range for MASTER_PORT
 * @param root {@code /}, or a folder that stands in for it
 */
public record HostFacts(
    NodeId node,
    String address,
    String markerPrefix,
    Path dataDir,
    String python,
    Optional<String> interfaceName,
    List<Integer> gpus,
    Map<String, String> env,
    Path shim,
    int masterPortLow,
    Path root) {
  public HostFacts {
    gpus = List.copyOf(gpus);
    env = Map.copyOf(env);
  }
}
