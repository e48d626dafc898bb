package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.GpuInfo;
import io.lockstep.protocol.model.NodeId;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Tells nodes apart by the names of the GPUs that a job would use on them, which is what the nodes
 * of a gang are compared by when they have prepared ({@link UnlikeNodes}). A name has the memory
 * where a model comes with several, as in A100-SXM4-80GB.
 */
final class GpuKinds {
  private final Job job;
  private final boolean matter;

  /**
   * @param onGpus whether the job runs on GPUs; a node alone, and nodes that the job names, are of
   *     any kind
   */
  GpuKinds(Job job, boolean onGpus) {
    this.job = job;
    boolean named = job.table().isEmpty() && !job.spec().pins().isEmpty();
    this.matter = onGpus && job.spec().nodes() > 1 && !named;
  }

  /** False where the gang may be of any nodes. */
  boolean matter() {
    return matter;
  }

  String of(Node node) {
    List<GpuInfo> gpus = node.inventory().gpus();
    int first = Math.max(job.procsPerNode(), job.spec().procsPerNode());
    Set<String> names = new HashSet<>();
    for (GpuInfo gpu : gpus) {
      boolean isUsed =
          job.spec().devices().isEmpty()
              ? first == 0 || gpu.index() < first
              : job.spec().devices().contains(gpu.index());
      if (isUsed) {
        names.add(gpu.name());
      }
    }
    return names.size() == 1
        ? names.iterator().next()
        : names.stream().sorted().collect(Collectors.joining(" + "));
  }

  /** These nodes by their kind, both in their order. */
  Map<String, List<Node>> groups(List<Node> nodes) {
    var groups = new LinkedHashMap<String, List<Node>>();
    for (Node node : nodes) {
      groups.computeIfAbsent(of(node), kind -> new ArrayList<>()).add(node);
    }
    return groups;
  }

  /**
   * The kind of most of the nodes that the job ran on last; they keep their ranks, so the gang
   * stays of it. Empty before it ran, and where none of them is there.
   */
  Optional<String> ofSurvivors(List<Node> nodes) {
    if (!job.ran() || job.table().isEmpty()) {
      return Optional.empty();
    }
    Set<NodeId> before = Set.copyOf(job.table().get().nodes());
    Map<String, List<Node>> groups =
        groups(nodes.stream().filter(n -> before.contains(n.id())).toList());
    Optional<String> most = Optional.empty();
    int count = 0;
    for (Map.Entry<String, List<Node>> group : groups.entrySet()) {
      if (group.getValue().size() > count) {
        count = group.getValue().size();
        most = Optional.of(group.getKey());
      }
    }
    return most;
  }
}
