package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.Reason;
import java.util.List;

/**
 * What the machine decided: events to store, actions to run after that, and why. Deciding nothing
 * has a reason too.
 *
 * @param refused true when a request was turned down
 */
public record Decision(
    List<ClusterEvent> events, List<ClusterAction> actions, Reason reason, boolean refused) {
  public Decision {
    events = List.copyOf(events);
    actions = List.copyOf(actions);
  }
}
