package io.lockstep.simulation;

import io.lockstep.agent.core.GroupReport;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.NodeId;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/** No node acts on Start before every node of the attempt has said Prepared. */
final class GangStartsTogether implements Invariant {
  private final Map<Fence, Set<NodeId>> prepared = new HashMap<>();

  @Override
  public void said(SimHost host, GroupReport report) {
    if (report instanceof GroupReport.Prepared p) {
      prepared.computeIfAbsent(p.fence(), f -> new HashSet<>()).add(host.id);
    }
  }

  @Override
  public void forked(SimGroup group) {
    Set<NodeId> said = prepared.getOrDefault(group.fence(), Set.of());
    require(
        said.containsAll(group.launch.rankTable().nodes()),
        "%s starts on %s while only %s said Prepared",
        group.fence(),
        group.host.id,
        said);
  }
}
