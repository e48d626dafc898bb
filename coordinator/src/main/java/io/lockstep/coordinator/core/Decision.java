package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.Reason;
import java.util.List;
import java.util.Optional;

/**
 * What the machine decided: events to store, actions to run after that, and why. Deciding nothing
 * has a reason too.
 *
 * @param refused true when a request was turned down
 * @param then the state with these events; empty where there are none
 */
public record Decision(
    List<ClusterEvent> events,
    List<ClusterAction> actions,
    Reason reason,
    boolean refused,
    Optional<ClusterState> then) {
  public Decision {
    events = List.copyOf(events);
    actions = List.copyOf(actions);
  }

  /**
   * The state that the events make of the one that this was decided on.
   *
   * @param before that one
   */
  public ClusterState after(ClusterState before) {
    return then.orElse(before);
  }
}
