package io.lockstep.agent.process;

import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.NodeId;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What a launch needs to know about its node.
 *
 * @param markerPrefix unique per daemon on a machine; what it starts carries it
 * @param python default interpreter
 * @param interfaceName network interface that holds the node's address
 * @param helperPath folder that holds the package {@code lockstep}, for scripts that use it
 */
public record NodeFacts(
    NodeId node,
    String address,
    String markerPrefix,
    String python,
    Path dataDir,
    boolean hasGpus,
    Optional<String> interfaceName,
    Path helperPath) {
  /** The mark that every process of this group on this node carries in LOCKSTEP_GROUP. */
  public String marker(Fence fence) {
    return markerPrefix + "/" + fence;
  }
}
