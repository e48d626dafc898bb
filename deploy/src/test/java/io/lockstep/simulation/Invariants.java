package io.lockstep.simulation;

import io.lockstep.agent.core.AgentState;
import io.lockstep.agent.core.GroupReport;
import io.lockstep.coordinator.core.ClusterEvent;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.protocol.model.NodeId;
import java.util.List;

/** All of them, told together. */
final class Invariants {
  final NothingAcknowledgedIsLost acknowledged;
  private final List<Invariant> all;

  Invariants(Simulation sim) {
    var ranOut = new RanOut(sim);
    this.acknowledged = new NothingAcknowledgedIsLost(sim);
    this.all =
        List.of(
            ranOut,
            acknowledged,
            new NoRankRunsTwice(sim, ranOut),
            new GangStartsTogether(),
            new NothingActedUnstored(sim),
            new AttemptNeverGoesBack(),
            new OneWorldPerJob(),
            new NothingOlderLivesAtPrepared(),
            new ForkedOnce(),
            new OneGroupPerNode(sim),
            new BudgetIsRespected(),
            new DrainedNodeIsNotPlaced(),
            new QuarantinedNodeIsNotPlaced(),
            new QuarantineEndsProven(sim),
            new NodeHasOneJob(),
            new HangIsReal(sim),
            new TerminalIsFinal(sim, ranOut),
            new OnlyKnownEventsChangeLeases(),
            new StateIsAFold());
  }

  void happened(ClusterState before, ClusterEvent event, ClusterState after) {
    all.forEach(i -> i.happened(before, event, after));
  }

  void tookOver(ClusterState truth, ClusterState read) {
    all.forEach(i -> i.tookOver(truth, read));
  }

  void said(SimHost host, GroupReport report) {
    all.forEach(i -> i.said(host, report));
  }

  void forked(SimGroup group) {
    all.forEach(i -> i.forked(group));
  }

  void torchrunForked(SimGroup group) {
    all.forEach(i -> i.torchrunForked(group));
  }

  void remembered(NodeId node, AgentState before, AgentState after) {
    all.forEach(i -> i.remembered(node, before, after));
  }

  void worldChanged() {
    all.forEach(Invariant::worldChanged);
  }

  void quietEnd() {
    all.forEach(Invariant::quietEnd);
  }
}
