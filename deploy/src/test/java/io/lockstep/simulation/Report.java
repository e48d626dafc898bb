package io.lockstep.simulation;

import io.lockstep.agent.core.GroupReport;
import io.lockstep.protocol.model.GroupStatus;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.NodeInventory;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.WarmStatus;
import java.util.List;
import java.util.Optional;

/** What an agent tells the coordinator; AgentReport with a reference of this simulation's. */
sealed interface Report {
  NodeId node();

  record Hello(
      NodeId node,
      AgentRef agent,
      String disk,
      NodeInventory inventory,
      List<GroupStatus> groups,
      Optional<String> founding)
      implements Report {
    public Hello {
      groups = List.copyOf(groups);
    }
  }

  record Heartbeat(
      NodeId node,
      AgentRef agent,
      String disk,
      Optional<GroupStatus> group,
      Optional<String> founding,
      Optional<Reason> trouble,
      Optional<WarmStatus> warm)
      implements Report {}

  record Told(NodeId node, String bootId, GroupReport report) implements Report {}
}
