package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.StandbyOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What to do about a decision, after it is stored. Each is safe to repeat. */
public sealed interface ClusterAction {
  NodeId node();

  /** Tell a node to be rid of older groups and get ready. */
  record Prepare(LaunchSpec launch) implements ClusterAction {
    @Override
    public NodeId node() {
      return launch.node();
    }
  }

  /** Tell a prepared node to make a checkpoint loadable by any number of ranks. */
  record Convert(NodeId node, Fence fence, CompleteCheckpoint checkpoint)
      implements ClusterAction {}

  /** Tell a node to start its group. */
  record Start(
      NodeId node,
      Fence fence,
      int masterPort,
      Optional<CompleteCheckpoint> resume,
      boolean moveAside)
      implements ClusterAction {}

  /**
   * Tell a node to end a group.
   *
   * @param saveWithin part of the grace in which a script that listens is asked to save first
   */
  record Stop(
      NodeId node,
      Fence fence,
      Duration grace,
      String disk,
      String reason,
      Optional<Duration> saveWithin)
      implements ClusterAction {
    public Stop(NodeId node, Fence fence, Duration grace, String disk, String reason) {
      this(node, fence, grace, disk, reason, Optional.empty());
    }
  }

  /** Tell a node to take the stacks of a group's workers; it says them in its heartbeats. */
  record TakeStacks(NodeId node, Fence fence) implements ClusterAction {}

  /** Tell a node for which job to keep a warm pool as its spare; empty: for none. */
  record StandBy(NodeId node, Optional<StandbyOrder> order, Reason reason)
      implements ClusterAction {}

  /**
   * Let a node meet these others in a pair check; what comes of it is {@link
   * ClusterInput.PairsChecked}.
   *
   * @param python interpreter; empty: each node's default
   */
  record CheckPairs(NodeId node, List<NodeId> partners, Optional<String> python)
      implements ClusterAction {
    /** One that is not over by then is lost: four rounds of 65 s, and some more. */
    public static final Duration LIMIT = Duration.ofMinutes(5);

    public CheckPairs {
      partners = List.copyOf(partners);
    }

    /**
     * Those that meet; the others are not kept waiting when the first one, which listens, fails.
     */
    public List<NodeId> nodes() {
      var all = new ArrayList<NodeId>();
      all.add(node);
      all.addAll(partners);
      return all;
    }
  }

  /** Tell a node that its report was stored. */
  record Acknowledge(NodeId node, Fence fence, Report report) implements ClusterAction {}

  /** Kinds of report that agents repeat. */
  enum Report {
    PREPARED,
    PREPARE_REJECTED,
    STARTED,
    EXITED
  }
}
