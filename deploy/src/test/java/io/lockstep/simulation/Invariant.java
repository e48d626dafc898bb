package io.lockstep.simulation;

import io.lockstep.agent.core.AgentState;
import io.lockstep.agent.core.GroupReport;
import io.lockstep.coordinator.core.ClusterEvent;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.protocol.model.NodeId;

/** One sentence that must be true; each looks at what it needs. */
interface Invariant {
  /** An event became true: a majority of seats has accepted it. */
  default void happened(ClusterState before, ClusterEvent event, ClusterState after) {}

  /** A new coordinator read its state from the seats; {@code truth} is the fold of all events. */
  default void tookOver(ClusterState truth, ClusterState read) {}

  /** An agent says something to the coordinator, perhaps again. */
  default void said(SimHost host, GroupReport report) {}

  /** A group's first process, its shim's, was made just now; it waits for its lease. */
  default void forked(SimGroup group) {}

  /** A group has its lease, and its torchrun was made just now. */
  default void torchrunForked(SimGroup group) {}

  /** An agent stored another memory. */
  default void remembered(NodeId node, AgentState before, AgentState after) {}

  /** Processes were made or ended. */
  default void worldChanged() {}

  /** Nothing is left to do. */
  default void quietEnd() {}

  default void require(boolean holds, String format, Object... args) {
    Broken.unless(holds, getClass().getSimpleName(), format, args);
  }
}
