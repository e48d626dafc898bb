package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.NodeId;
import java.util.ArrayList;
import java.util.Optional;

/** States from which one fact was taken out, for the mutations of the simulation. */
public final class Forgetting {
  private Forgetting() {}

  /** No job has groups but those of its current attempt. */
  public static ClusterState oldGroups(ClusterState state) {
    ClusterState changed = state;
    for (Job job : state.jobs().values()) {
      Optional<Fence> current = job.current().map(AttemptState::fence);
      changed =
          changed.with(
              job.with(
                  d -> {
                    d.open =
                        OpenGroups.of(
                            d.open.stream()
                                .filter(g -> current.equals(Optional.of(g.fence())))
                                .toList());
                  }));
    }
    return changed;
  }

  /** No node is drained. */
  public static ClusterState drains(ClusterState state) {
    ClusterState changed = state;
    for (Node node : state.nodes().values()) {
      changed = changed.with(node.withDraining(false, node.reason()));
    }
    return changed;
  }

  /** No restart was counted. */
  public static ClusterState budgets(ClusterState state) {
    ClusterState changed = state;
    for (Job job : state.jobs().values()) {
      changed =
          changed.with(
              job.with(
                  d -> {
                    d.countedAt = new ArrayList<>();
                  }));
    }
    return changed;
  }

  /** True while this job keeps others off the node. */
  public static boolean holds(Job job, NodeId node) {
    return job.holds(node);
  }
}
