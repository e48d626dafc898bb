package io.lockstep.agent.core;

import io.lockstep.protocol.model.CheckpointInventory;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.ExitReport;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.StandbyOrder;
import io.lockstep.protocol.model.Term;
import io.lockstep.protocol.model.WorkerInfo;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** What reaches the machine. Each record names the one method that handles it. */
public sealed interface GroupInput {
  GroupDecision handledBy(GroupMachine machine, AgentState state, Instant now);

  /** From the coordinator; the machine drops what comes with an older term. */
  sealed interface Command extends GroupInput {
    Term term();
  }

  /** Be rid of every older group, then be ready for this attempt. */
  record Prepare(Term term, LaunchSpec launch) implements Command {
    @Override
    public GroupDecision handledBy(GroupMachine machine, AgentState state, Instant now) {
      return machine.onPrepare(state, this, now);
    }
  }

  /** All are prepared: fork. */
  record Start(Term term, Fence fence, StartOrder order) implements Command {
    @Override
    public GroupDecision handledBy(GroupMachine machine, AgentState state, Instant now) {
      return machine.onStart(state, this);
    }
  }

  /**
   * End this group and close its fence.
   *
   * @param saveWithin part of the grace in which a script that listens is asked to save first
   */
  record Stop(
      Term term,
      Fence fence,
      Duration grace,
      String agentDisk,
      String reason,
      Optional<Duration> saveWithin)
      implements Command {
    public Stop(Term term, Fence fence, Duration grace, String agentDisk, String reason) {
      this(term, fence, grace, agentDisk, reason, Optional.empty());
    }

    @Override
    public GroupDecision handledBy(GroupMachine machine, AgentState state, Instant now) {
      return machine.onStop(state, this, now);
    }
  }

  /** Make this checkpoint loadable by any number of ranks. */
  record Convert(Term term, Fence fence, CompleteCheckpoint checkpoint) implements Command {
    @Override
    public GroupDecision handledBy(GroupMachine machine, AgentState state, Instant now) {
      return machine.onConvert(state, this);
    }
  }

  /** The coordinator stored this report. */
  record Acknowledge(Term term, Fence fence, GroupReport.Kind kind) implements Command {
    @Override
    public GroupDecision handledBy(GroupMachine machine, AgentState state, Instant now) {
      return machine.onAcknowledge(state, this);
    }
  }

  /** The coordinator asks what the workers are doing. */
  record TakeStacks(Term term, Fence fence) implements Command {
    @Override
    public GroupDecision handledBy(GroupMachine machine, AgentState state, Instant now) {
      return machine.onTakeStacks(state, this);
    }
  }

  /** The coordinator says which job this node is a spare of, or none. */
  record StandBy(Term term, Optional<StandbyOrder> order, String why) implements Command {
    @Override
    public GroupDecision handledBy(GroupMachine machine, AgentState state, Instant now) {
      return machine.onStandBy(state, this);
    }
  }

  /** The coordinator asks who is here. */
  record SayHello(Term term) implements Command {
    @Override
    public GroupDecision handledBy(GroupMachine machine, AgentState state, Instant now) {
      return machine.onSayHello(state);
    }
  }

  /** A command, with the founding of the cluster that it comes from. */
  record OfFounding(Optional<String> founding, Command command) implements GroupInput {
    @Override
    public GroupDecision handledBy(GroupMachine machine, AgentState state, Instant now) {
      return machine.onOfFounding(state, this, now);
    }
  }

  /** The shell began to serve this memory: nothing is known of what ran meanwhile. */
  record ShellStarted() implements GroupInput {
    @Override
    public GroupDecision handledBy(GroupMachine machine, AgentState state, Instant now) {
      return machine.onShellStarted(state, now);
    }
  }

  /** A second has passed. */
  record Tick() implements GroupInput {
    @Override
    public GroupDecision handledBy(GroupMachine machine, AgentState state, Instant now) {
      return machine.onTick(state, now);
    }
  }

  /**
   * Everything older than this plan was looked for and ended.
   *
   * @param left processes that would not end, for people; empty means that none is left
   */
  record NodeCleared(long plan, List<String> left) implements GroupInput {
    public NodeCleared {
      left = List.copyOf(left);
    }

    @Override
    public GroupDecision handledBy(GroupMachine machine, AgentState state, Instant now) {
      return machine.onNodeCleared(state, this, now);
    }
  }

  /** This node can take part. */
  record PreflightPassed(Fence fence, Readiness readiness) implements GroupInput {
    @Override
    public GroupDecision handledBy(GroupMachine machine, AgentState state, Instant now) {
      return machine.onPreflightPassed(state, this);
    }
  }

  /** A checkpoint was converted: this is what is there now. */
  record Converted(Fence fence, CheckpointInventory checkpoints) implements GroupInput {
    @Override
    public GroupDecision handledBy(GroupMachine machine, AgentState state, Instant now) {
      return machine.onConverted(state, this);
    }
  }

  /** A checkpoint could not be converted. */
  record NotConverted(Fence fence, Reason reason) implements GroupInput {
    @Override
    public GroupDecision handledBy(GroupMachine machine, AgentState state, Instant now) {
      return machine.onNotConverted(state, this, now);
    }
  }

  /** This node cannot take part. */
  record PreflightFailed(Fence fence, Reason reason) implements GroupInput {
    @Override
    public GroupDecision handledBy(GroupMachine machine, AgentState state, Instant now) {
      return machine.onPreflightFailed(state, this, now);
    }
  }

  /** The shim sees all workers of the group. */
  record WorkersSeen(Fence fence, List<WorkerInfo> workers) implements GroupInput {
    public WorkersSeen {
      workers = List.copyOf(workers);
    }

    @Override
    public GroupDecision handledBy(GroupMachine machine, AgentState state, Instant now) {
      return machine.onWorkersSeen(state, this);
    }
  }

  /** The group ended, or was looked for and not found. */
  record GroupExited(Fence fence, ExitReport report) implements GroupInput {
    @Override
    public GroupDecision handledBy(GroupMachine machine, AgentState state, Instant now) {
      return machine.onGroupExited(state, this);
    }
  }
}
