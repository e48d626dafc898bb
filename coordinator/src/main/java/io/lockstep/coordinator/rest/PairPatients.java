package io.lockstep.coordinator.rest;

import io.lockstep.coordinator.actor.CoordinatorAnswer.NodePlace;
import io.lockstep.coordinator.core.PairCheck;
import io.lockstep.protocol.api.NodeView;
import io.lockstep.protocol.model.Finding;
import io.lockstep.protocol.model.Finding.Severity;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.ReasonCode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Who takes part in a pair check; pure.
 *
 * @param checks one of the nodes with GPUs, one of those without
 * @param places of those that take part
 * @param leftOut those that do not, and why
 */
record PairPatients(
    List<PairCheck> checks, Map<NodeId, NodePlace> places, Map<NodeId, Finding> leftOut) {
  static PairPatients of(List<NodePlace> places, List<NodeView> views) {
    Map<String, NodeView> byId = views.stream().collect(Collectors.toMap(NodeView::node, v -> v));
    var withGpus = new ArrayList<NodeId>();
    var without = new ArrayList<NodeId>();
    var taking = new LinkedHashMap<NodeId, NodePlace>();
    var leftOut = new LinkedHashMap<NodeId, Finding>();
    for (NodePlace place : places) {
      Optional<NodeView> view = Optional.ofNullable(byId.get(place.node().value()));
      Optional<Finding> why = whyNot(place, view);
      if (why.isPresent()) {
        leftOut.put(place.node(), why.get());
      } else {
        boolean hasGpus = view.filter(v -> !v.gpus().isEmpty()).isPresent();
        (hasGpus ? withGpus : without).add(place.node());
        taking.put(place.node(), place);
      }
    }
    return new PairPatients(
        List.of(PairCheck.of(withGpus), PairCheck.of(without)), taking, leftOut);
  }

  private static Optional<Finding> whyNot(NodePlace place, Optional<NodeView> view) {
    Optional<String> job = view.flatMap(NodeView::job);
    if (job.isPresent()) {
      return Optional.of(
          new Finding(
              ReasonCode.PAIR_FAILED,
              Severity.SKIPPED,
              "not tried: job " + job.get() + " is on this node",
              ""));
    }
    return place.agent().isPresent()
        ? Optional.empty()
        : Optional.of(DoctorVerdict.silent("the node is not heard of"));
  }
}
