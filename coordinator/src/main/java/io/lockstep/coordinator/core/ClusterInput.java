package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.ConversionStatus;
import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.GroupStatus;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.NodeInventory;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.StartLengths;
import io.lockstep.protocol.model.WarmStatus;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** A fact or a wish that came in; each record names the one method that handles it. */
public sealed interface ClusterInput {
  Decision handledBy(ClusterMachine machine, ClusterState state, Instant now);

  /**
   * A user queues a job; the spec carries its ZeRO configuration as content.
   *
   * @param hold not placed before it is released
   */
  record Submit(JobId job, JobSpec spec, boolean hold) implements ClusterInput {
    public Submit(JobId job, JobSpec spec) {
      this(job, spec, false);
    }

    @Override
    public Decision handledBy(ClusterMachine m, ClusterState s, Instant now) {
      return m.onSubmit(s, this, now);
    }
  }

  /** A held job may be placed. */
  record ReleaseHold(JobId job) implements ClusterInput {
    @Override
    public Decision handledBy(ClusterMachine m, ClusterState s, Instant now) {
      return m.onReleaseHold(s, this, now);
    }
  }

  /**
   * A user ends a job.
   *
   * @param checkpoint a script that listens is asked to save first
   */
  record Cancel(JobId job, Duration grace, boolean checkpoint) implements ClusterInput {
    public Cancel(JobId job, Duration grace) {
      this(job, grace, false);
    }

    @Override
    public Decision handledBy(ClusterMachine m, ClusterState s, Instant now) {
      return m.onCancel(s, this, now);
    }
  }

  record Drain(NodeId node) implements ClusterInput {
    @Override
    public Decision handledBy(ClusterMachine m, ClusterState s, Instant now) {
      return m.onDrain(s, this, now);
    }
  }

  record Resume(NodeId node) implements ClusterInput {
    @Override
    public Decision handledBy(ClusterMachine m, ClusterState s, Instant now) {
      return m.onResume(s, this, now);
    }
  }

  /** An agent said Hello. */
  record NodeHello(NodeId node, String disk, NodeInventory inventory, List<GroupStatus> groups)
      implements ClusterInput {
    public NodeHello {
      groups = List.copyOf(groups);
    }

    @Override
    public Decision handledBy(ClusterMachine m, ClusterState s, Instant now) {
      return m.onHello(s, this, now);
    }
  }

  /** An agent was not heard for the settable time. */
  record NodeSilent(NodeId node, Duration silentFor, LeaseReport leases) implements ClusterInput {
    @Override
    public Decision handledBy(ClusterMachine m, ClusterState s, Instant now) {
      return m.onSilent(s, this, now);
    }
  }

  /** The seats said when they last renewed which leases. */
  record LeasesSeen(LeaseReport leases) implements ClusterInput {
    @Override
    public Decision handledBy(ClusterMachine m, ClusterState s, Instant now) {
      return m.onLeases(s, this, now);
    }
  }

  /** An agent of which {@link ClusterState#awaits} is true was heard. */
  record NodeHeard(NodeId node) implements ClusterInput {
    @Override
    public Decision handledBy(ClusterMachine m, ClusterState s, Instant now) {
      return m.onHeard(s, this, now);
    }
  }

  /** An agent said why it cannot take part in anything new, or that it can again. */
  record NodeTrouble(NodeId node, Optional<Reason> trouble) implements ClusterInput {
    @Override
    public Decision handledBy(ClusterMachine m, ClusterState s, Instant now) {
      return m.onTrouble(s, this, now);
    }
  }

  record NodePrepared(NodeId node, Fence fence, PreparedNode said) implements ClusterInput {
    @Override
    public Decision handledBy(ClusterMachine m, ClusterState s, Instant now) {
      return m.onPrepared(s, this, now);
    }
  }

  record NodeRejected(NodeId node, Fence fence, Reason why) implements ClusterInput {
    @Override
    public Decision handledBy(ClusterMachine m, ClusterState s, Instant now) {
      return m.onRejected(s, this, now);
    }
  }

  /**
   * All workers of a node were seen.
   *
   * @param how warm, or cold and why; empty when unknown
   */
  record NodeStarted(NodeId node, Fence fence, Optional<String> how) implements ClusterInput {
    NodeStarted(NodeId node, Fence fence) {
      this(node, fence, Optional.empty());
    }

    @Override
    public Decision handledBy(ClusterMachine m, ClusterState s, Instant now) {
      return m.onStarted(s, this, now);
    }
  }

  /**
   * A node's group ended.
   *
   * @param failedAt when it failed, by the coordinator's clock; empty where the report came without
   *     the time of its sending, and the node's own clock must do
   */
  record NodeExited(NodeId node, Fence fence, ExitReport report, Optional<Instant> failedAt)
      implements ClusterInput {
    public NodeExited(NodeId node, Fence fence, ExitReport report) {
      this(node, fence, report, Optional.empty());
    }

    @Override
    public Decision handledBy(ClusterMachine m, ClusterState s, Instant now) {
      return m.onExited(s, this, now);
    }
  }

  /** An agent with another memory knows nothing of a fence: proves nothing. */
  record NodeKnowsNothing(NodeId node, Fence fence) implements ClusterInput {
    @Override
    public Decision handledBy(ClusterMachine m, ClusterState s, Instant now) {
      return m.onUnknown(s, this, now);
    }
  }

  /** A node of this attempt saw a complete checkpoint. */
  record CheckpointSeen(Fence fence, CompleteCheckpoint checkpoint) implements ClusterInput {
    @Override
    public Decision handledBy(ClusterMachine m, ClusterState s, Instant now) {
      return m.onCheckpoint(s, this, now);
    }
  }

  /**
   * The output of the node of rank 0 says that training is at this step.
   *
   * @param lengths how long the gang's start took; empty while a node has not said it
   */
  record StepSeen(Fence fence, long step, Optional<StartLengths> lengths) implements ClusterInput {
    public StepSeen(Fence fence, long step) {
      this(fence, step, Optional.empty());
    }

    @Override
    public Decision handledBy(ClusterMachine m, ClusterState s, Instant now) {
      return m.onStep(s, this, now);
    }
  }

  /** What the groups of an attempt did lately, each as young as its last heartbeat. */
  record ActivitySeen(Fence fence, GangActivity seen) implements ClusterInput {
    @Override
    public Decision handledBy(ClusterMachine m, ClusterState s, Instant now) {
      return m.onActivity(s, this, now);
    }
  }

  /** A heartbeat said how far a node is with the conversion that was ordered. */
  record ConversionSeen(Fence fence, ConversionStatus status) implements ClusterInput {
    @Override
    public Decision handledBy(ClusterMachine m, ClusterState s, Instant now) {
      return m.onConversion(s, this, now);
    }
  }

  /** A heartbeat said which warm pool a node keeps; empty: none. */
  record WarmSeen(NodeId node, Optional<WarmStatus> pool) implements ClusterInput {
    @Override
    public Decision handledBy(ClusterMachine m, ClusterState s, Instant now) {
      return m.onWarm(s, this, now);
    }
  }

  /**
   * What a {@link ClusterAction.CheckPairs} came to.
   *
   * @param ordered for which node, and with whom
   * @param check all groups that met
   */
  record PairsChecked(ClusterAction.CheckPairs ordered, PairCheck check) implements ClusterInput {
    @Override
    public Decision handledBy(ClusterMachine m, ClusterState s, Instant now) {
      return m.onPairsChecked(s, this, now);
    }
  }

  /** Time passed: deadlines, backoffs, and commands that may have been lost. */
  record Tick() implements ClusterInput {
    @Override
    public Decision handledBy(ClusterMachine m, ClusterState s, Instant now) {
      return m.onTick(s, now);
    }
  }

  /** The coordinator itself stood still: what it did not hear meanwhile says nothing. */
  record StoodStill(Duration stoodStillFor) implements ClusterInput {
    @Override
    public Decision handledBy(ClusterMachine m, ClusterState s, Instant now) {
      return m.onStoodStill(s, this, now);
    }
  }

  /** The stored state has grown beyond what is wanted: something must be forgotten. */
  record StateLarge(long bytes, long wantedBytes) implements ClusterInput {
    @Override
    public Decision handledBy(ClusterMachine m, ClusterState s, Instant now) {
      return m.onStateLarge(s, this, now);
    }
  }

  /** A new coordinator begins with this state. */
  record TookOver() implements ClusterInput {
    @Override
    public Decision handledBy(ClusterMachine m, ClusterState s, Instant now) {
      return m.onTookOver(s, now);
    }
  }
}
