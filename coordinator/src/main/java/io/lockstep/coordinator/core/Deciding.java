package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.Reason;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** One decision in the making: the state after the events so far, and the actions so far. */
final class Deciding {
  private final List<ClusterEvent> events = new ArrayList<>();
  private final List<ClusterAction> actions = new ArrayList<>();
  private final Map<NodeId, List<ClusterAction>> actionsOf = new HashMap<>();
  private ClusterState state;
  private final Instant now;
  private final Duration suspectWait;
  private final ZeroCheck zeroCheck;
  private final FailureRules rules;
  private final QuarantinePolicy quarantine;

  Deciding(
      ClusterState state,
      Instant now,
      Duration suspectWait,
      ZeroCheck zeroCheck,
      FailureRules rules,
      QuarantinePolicy quarantine) {
    this.state = state;
    this.now = now;
    this.suspectWait = suspectWait;
    this.zeroCheck = zeroCheck;
    this.rules = rules;
    this.quarantine = quarantine;
  }

  ClusterState state() {
    return state;
  }

  Instant now() {
    return now;
  }

  /** How long a gang that lost a peer waits to hear whose fault it was. */
  Duration suspectWait() {
    return suspectWait;
  }

  ZeroCheck zeroCheck() {
    return zeroCheck;
  }

  /** Tell what kind of failure it was. */
  FailureRules rules() {
    return rules;
  }

  QuarantinePolicy quarantine() {
    return quarantine;
  }

  Job job(JobId id) {
    return state.job(id).orElseThrow(() -> new IllegalStateException("no job " + id));
  }

  /** Version that the next event will have. */
  long nextVersion() {
    return state.version() + 1;
  }

  void event(ClusterEvent event) {
    events.add(event);
    state = state.evolve(event);
  }

  void action(ClusterAction action) {
    List<ClusterAction> ofNode =
        actionsOf.computeIfAbsent(action.node(), node -> new ArrayList<>());
    if (!ofNode.contains(action)) {
      ofNode.add(action);
      actions.add(action);
    }
  }

  Decision because(Reason reason) {
    return new Decision(
        events, actions, reason, false, events.isEmpty() ? Optional.empty() : Optional.of(state));
  }

  /** The first event's reason, or this one when nothing became true. */
  Decision orElse(Reason reason) {
    return because(events.isEmpty() ? reason : events.get(0).reason());
  }

  static Decision refused(Reason reason) {
    return new Decision(List.of(), List.of(), reason, true, Optional.empty());
  }

  static Decision nothing(Reason reason) {
    return new Decision(List.of(), List.of(), reason, false, Optional.empty());
  }
}
