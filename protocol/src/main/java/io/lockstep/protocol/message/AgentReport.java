package io.lockstep.protocol.message;

import akka.actor.typed.ActorRef;
import io.lockstep.protocol.model.CheckpointInventory;
import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.GroupStatus;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.NodeInventory;
import io.lockstep.protocol.model.NodeReadings;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.WarmStatus;
import io.lockstep.protocol.model.WorkerInfo;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** What an agent tells the coordinator. Carries the fence only, never a term (A11). */
public sealed interface AgentReport extends Wire, ToCoordinator {
  NodeId node();

  /**
   * Here I am, with everything that I know. Sent at start, on {@link AgentCommand.SayHello}, and
   * when the coordinator changed.
   *
   * @param disk id of the agent's memory: another one means that it forgot (A12)
   * @param groups every group that it remembers and whose end is not acknowledged
   * @param founding of the cluster that this memory belongs to; empty before the first command
   */
  record Hello(
      NodeId node,
      ActorRef<ToAgent> agent,
      String disk,
      NodeInventory inventory,
      List<GroupStatus> groups,
      Optional<String> founding)
      implements AgentReport {
    public Hello {
      groups = List.copyOf(groups);
    }
  }

  /**
   * I am alive, and so is my group. Sent every second.
   *
   * @param founding of the cluster that this memory belongs to; empty before the first command
   * @param trouble why this node cannot take part in anything new, as long as it cannot
   * @param warm its warm pool; empty where there is none
   */
  record Heartbeat(
      NodeId node,
      ActorRef<ToAgent> agent,
      String disk,
      Optional<GroupStatus> group,
      Optional<String> founding,
      Optional<Reason> trouble,
      Optional<WarmStatus> warm)
      implements AgentReport {
    public Heartbeat {
      warm = java.util.Objects.requireNonNullElse(warm, Optional.empty()); // of an older release
    }
  }

  /**
   * Every older group is proven gone and this attempt can start.
   *
   * @param masterPort free port on the node of rank 0; empty elsewhere
   * @param zeroSha256 hash of the configuration as written; empty without ZeRO
   * @param readings what must be alike on all nodes; empty from an older release
   * @param bootId the host's boot in which it was prepared; empty from an older release
   */
  record Prepared(
      NodeId node,
      Fence fence,
      Optional<Integer> masterPort,
      Optional<String> zeroSha256,
      String scriptSha256,
      CheckpointInventory checkpoints,
      Optional<NodeReadings> readings,
      Optional<String> bootId)
      implements AgentReport {}

  /** This node cannot take part in this attempt. */
  record PrepareRejected(NodeId node, Fence fence, Reason reason) implements AgentReport {}

  /**
   * All workers of the group were seen running.
   *
   * @param how for people: warm, or cold and why; empty where there is no choice
   */
  record Started(NodeId node, Fence fence, List<WorkerInfo> workers, Optional<String> how)
      implements AgentReport {
    public Started {
      workers = List.copyOf(workers);
      how = java.util.Objects.requireNonNullElse(how, Optional.empty()); // of an older release
    }
  }

  /**
   * The group ended; {@code report.treeGone} says whether that is proof.
   *
   * @param sentAt this node's clock at this sending: the times in the report are of the same clock,
   *     so the coordinator knows how long ago they were, whatever the clock says
   */
  record Exited(NodeId node, Fence fence, ExitReport report, Optional<Instant> sentAt)
      implements AgentReport {}

  /** Told to stop a fence that this memory knows nothing of: proves nothing (A21). */
  record Unknown(NodeId node, Fence fence) implements AgentReport {}
}
