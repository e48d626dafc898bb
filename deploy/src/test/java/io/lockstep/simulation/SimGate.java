package io.lockstep.simulation;

import io.lockstep.coordinator.core.ClusterAction;
import io.lockstep.coordinator.core.ClusterInput;
import io.lockstep.coordinator.core.PairCheck;
import io.lockstep.coordinator.core.PairGroup;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.PairOutcome;
import io.lockstep.protocol.model.PairOutcome.End;
import io.lockstep.protocol.model.PairReading;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/** Mirrors GateChecks and PairRounds of one coordinator, and HostPairs of the nodes. */
final class SimGate {
  private static final PairReading READING =
      new PairReading("cpu", Duration.ofMillis(10), Duration.ofMillis(1), 1 << 20);

  private final Simulation sim;
  private final SimHost home;
  private final BiConsumer<Long, Runnable> later;
  private final Consumer<ClusterInput> listener;
  private final Set<NodeId> atWork = new HashSet<>();

  /**
   * @param later in the coordinator's life, after so many milliseconds
   */
  SimGate(
      Simulation sim,
      SimHost home,
      BiConsumer<Long, Runnable> later,
      Consumer<ClusterInput> listener) {
    this.sim = sim;
    this.home = home;
    this.later = later;
    this.listener = listener;
  }

  void begin(ClusterAction.CheckPairs ordered) {
    if (atWork.add(ordered.node())) {
      round(ordered, PairCheck.of(ordered.nodes()));
    }
  }

  private void round(ClusterAction.CheckPairs ordered, PairCheck check) {
    List<List<NodeId>> next = check.next();
    if (next.isEmpty()) {
      atWork.remove(ordered.node());
      listener.accept(new ClusterInput.PairsChecked(ordered, check));
      return;
    }
    var takingPart = new HashSet<NodeId>();
    next.forEach(
        group ->
            group.stream()
                .filter(this::isReached)
                .filter(id -> host(id).beginsPairs())
                .forEach(takingPart::add));
    // what happens to the nodes meanwhile happens, whatever becomes of this coordinator
    int millis = sim.schedule.between(1_000, 60_000);
    var groups = new ArrayList<PairGroup>();
    sim.schedule.after(
        millis,
        () -> {
          next.forEach(
              group -> groups.add(new PairGroup(check.round() + 1, said(group, takingPart))));
          takingPart.forEach(id -> host(id).endsPairs());
        });
    later.accept(millis + 1L, () -> round(ordered, check.with(groups)));
  }

  private Map<NodeId, PairOutcome> said(List<NodeId> group, Set<NodeId> takingPart) {
    boolean gather =
        group.stream().allMatch(id -> takingPart.contains(id) && isIdle(id) && !host(id).isSick())
            && group.stream()
                .allMatch(
                    a ->
                        group.stream()
                            .allMatch(b -> sim.network.connects(host(a).name, host(b).name)));
    var said = new LinkedHashMap<NodeId, PairOutcome>();
    for (NodeId id : group) {
      if (!takingPart.contains(id) || !isReached(id)) {
        said.put(id, PairOutcome.failed(End.NOT_RUN, "no answer"));
      } else if (!isIdle(id)) {
        said.put(id, PairOutcome.failed(End.NOT_RUN, "a job came"));
      } else if (gather) {
        said.put(id, PairOutcome.measured(READING));
      } else {
        said.put(id, PairOutcome.failed(End.FAILED_TOGETHER, "connection closed"));
      }
    }
    return said;
  }

  private boolean isReached(NodeId id) {
    return host(id).agent().isPresent() && sim.network.connects(home.name, host(id).name);
  }

  private boolean isIdle(NodeId id) {
    return !host(id).isAlive(fence -> true)
        && host(id).agent().filter(a -> a.state().current().isEmpty()).isPresent();
  }

  private SimHost host(NodeId id) {
    return sim.host(id.value());
  }
}
