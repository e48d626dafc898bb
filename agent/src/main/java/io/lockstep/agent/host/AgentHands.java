package io.lockstep.agent.host;

import io.lockstep.agent.core.AgentState;
import io.lockstep.agent.core.GroupAction;
import io.lockstep.agent.core.GroupInput;
import io.lockstep.agent.core.WorkerGroup;
import io.lockstep.protocol.message.AgentQuery;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.ConversionStatus;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.GroupActivity;
import io.lockstep.protocol.model.NodeInventory;
import io.lockstep.protocol.model.Progress;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.StartLengths;
import io.lockstep.protocol.model.WarmStatus;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;

/** What an agent's actor needs of its host; nothing here blocks. */
public interface AgentHands {
  NodeInventory inventory();

  /** What is on disk. */
  AgentState stored();

  /** Completes when it is on disk. */
  CompletionStage<AgentState> store(AgentState state);

  /** What happens from now on goes here; must not block. The one before hears nothing more. */
  void attach(Consumer<GroupInput> to);

  /** Nobody hears what happens until the next {@code attach}; a successor's stays. */
  void detach(Consumer<GroupInput> from);

  /** Performs what the machine decided; what comes of it is told to the listener. */
  void perform(GroupAction action);

  /** How far the group's training is, as its output says. */
  Optional<Progress> progress(Fence fence);

  /** What the group's workers did lately, as its shim last said. */
  Optional<GroupActivity> activity(Fence fence);

  /** How long the group's start took, as far as its shim has seen. */
  Optional<StartLengths> startLengths(Fence fence);

  /** How far the group's conversion is; looked at in the background. */
  Optional<ConversionStatus> conversion(Fence fence);

  /** Warm, or cold and why, for people; empty for a group without a warm pool. */
  Optional<String> startOf(Fence fence);

  /** The warm pool of this host; its memory is looked at in the background. */
  Optional<WarmStatus> warmPool();

  /** Newest complete checkpoint as far as it is known; looks again in the background. */
  Optional<CompleteCheckpoint> lastCheckpoint(WorkerGroup group);

  /** Reads a piece of output; the stage never fails. */
  CompletionStage<AgentQuery.LogChunk> readLog(AgentQuery.ReadLog ask);

  /** Why nothing should be placed here, as last seen; empty on a host that is well. */
  Optional<Reason> trouble();

  /** Looks at this host when a person asks; the stage never fails. */
  CompletionStage<AgentQuery.Examined> examine(AgentQuery.Examine ask);

  /** Whether this host sees the others; the stage never fails. */
  CompletionStage<AgentQuery.Met> meet(AgentQuery.Meet ask);

  /** A port for a pair check; the stage never fails. */
  CompletionStage<AgentQuery.OfferedPort> offerPort();

  /**
   * Takes part in a pair check; the stage never fails.
   *
   * @param group that is on this node: then it does not
   */
  CompletionStage<AgentQuery.Paired> pair(AgentQuery.Pair ask, Optional<Fence> group);
}
