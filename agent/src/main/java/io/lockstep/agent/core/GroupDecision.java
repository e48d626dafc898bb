package io.lockstep.agent.core;

import io.lockstep.protocol.model.Reason;
import java.util.List;

/** What follows from an input: the memory to store first, the actions to perform after, and why. */
public record GroupDecision(AgentState state, List<GroupAction> actions, Reason reason) {
  public GroupDecision {
    actions = List.copyOf(actions);
  }

  /**
   * What need not wait for the disk: it only ends things, or only says what was seen, and so is
   * right also for a memory that never hears of this decision. None before a new founding.
   */
  public List<GroupAction> beforeStored() {
    return actions.stream().anyMatch(GroupAction.BelongTo.class::isInstance)
        ? List.of()
        : actions.stream().filter(GroupDecision::isSafeUnstored).toList();
  }

  /** The rest, for when the memory is on disk. */
  public List<GroupAction> afterStored() {
    List<GroupAction> done = beforeStored();
    return actions.stream().filter(action -> !done.contains(action)).toList();
  }

  private static boolean isSafeUnstored(GroupAction action) {
    return action.onlyEnds() || action.onlySaysWhatWasSeen();
  }
}
