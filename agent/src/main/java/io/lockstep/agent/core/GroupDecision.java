package io.lockstep.agent.core;

import io.lockstep.protocol.model.Reason;
import java.util.List;

/** What follows from an input: the memory to store first, the actions to perform after, and why. */
public record GroupDecision(AgentState state, List<GroupAction> actions, Reason reason) {
  public GroupDecision {
    actions = List.copyOf(actions);
  }
}
