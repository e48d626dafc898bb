package io.lockstep.simulation;

import io.lockstep.coordinator.core.ClusterEvent;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.coordinator.core.Node;
import io.lockstep.coordinator.core.NodeHealth;
import io.lockstep.protocol.model.NodeId;
import java.time.Duration;
import java.time.Instant;

/**
 * By time a node leaves its quarantine only when others have met it and it is well, or after it was
 * to meet some for long enough; and none waits for that for ever.
 */
final class QuarantineEndsProven implements Invariant {
  /** Tried for so long, and then one check more. */
  private static final Duration LONGEST = Duration.ofMinutes(11);

  private static final Duration UNTRIED = Duration.ofMinutes(5);

  private final Simulation sim;

  QuarantineEndsProven(Simulation sim) {
    this.sim = sim;
  }

  @Override
  public void happened(ClusterState before, ClusterEvent event, ClusterState after) {
    if (!(event instanceof ClusterEvent.NodeQuarantineChanged changed)) {
      return;
    }
    Node node = before.node(changed.id()).orElseThrow();
    changed.trial().ifPresent(trial -> partnersAreIdle(before, node, trial));
    if (changed.until().isPresent()) {
      sim.keptNodes += changed.reason().message().startsWith("fails ") ? 1 : 0;
      return;
    }
    String why = changed.reason().message();
    if (why.contains("it is well with")) {
      require(node.trial().isPresent(), "%s: nobody met it", changed);
      require(!sim.host(node.id().value()).isSick(), "%s, which is sick", changed);
      sim.provenNodes++;
    } else if (why.contains("was not tried")) {
      require(
          why.contains("no other node of its kind is there")
              || node.trial().filter(t -> isSince(t.since(), UNTRIED, changed)).isPresent(),
          "%s: too early",
          changed);
    } else {
      require(
          why.equals("put back by an operator") || node.draining() || why.contains("fails with"),
          "%s: for no reason",
          changed);
    }
  }

  private void partnersAreIdle(ClusterState before, Node node, Node.Trial trial) {
    for (NodeId partner : trial.partners()) {
      require(
          before.node(partner).filter(QuarantineEndsProven::mayMeet).isPresent()
              && !partner.equals(node.id()),
          "%s meets %s, which is not there",
          node.id(),
          partner);
      require(before.jobOn(partner).isEmpty(), "%s meets %s, which is busy", node.id(), partner);
    }
  }

  private static boolean mayMeet(Node node) {
    return node.health() == NodeHealth.READY || node.health() == NodeHealth.QUARANTINED;
  }

  private static boolean isSince(
      Instant from, Duration time, ClusterEvent.NodeQuarantineChanged changed) {
    return !from.plus(time).isAfter(changed.at());
  }

  /** When all is idle for long enough, each node that is well is back. */
  @Override
  public void quietEnd() {
    boolean isLongEnough = sim.isLongQuiet();
    for (Node node : sim.history.state().nodes().values()) {
      require(
          !isLongEnough
              || sim.host(node.id().value()).isSick()
              || node.health() == NodeHealth.READY,
          "%s is well, and it is out: %s",
          node.id(),
          node.reason());
    }
  }

  /** Healthy nodes are not kept out by what cannot be tried. */
  @Override
  public void worldChanged() {
    for (Node node : sim.history.state().nodes().values()) {
      node.trial()
          .ifPresent(
              trial ->
                  require(
                      sim.host(node.id().value()).isSick()
                          || trial.since().plus(LONGEST).isAfter(sim.schedule.instant()),
                      "%s is tried since %s",
                      node.id(),
                      trial.since()));
    }
  }
}
