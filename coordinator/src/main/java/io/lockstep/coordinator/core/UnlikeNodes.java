package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.NodeReadings;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Pattern;

/** Finds the nodes of a gang that are not like the node of rank 0 where all must be alike. */
final class UnlikeNodes {
  /** Ranks with other versions of these hang or fail in the first collective, or load garbage. */
  private static final List<String> MUST_AGREE = List.of("torch", "nccl", "deepspeed");

  private static final Pattern NODE_LOCAL =
      Pattern.compile("\"use_node_local_storage\"\\s*:\\s*true");

  /** A node, and what is other on it. */
  record Unlike(NodeId node, Reason reason) {}

  private UnlikeNodes() {}

  /** The first one; empty while all that is known is alike. */
  static Optional<Unlike> first(Job job, AttemptState attempt) {
    NodeId master = attempt.table().master().node();
    Optional<NodeReadings> wanted = readings(attempt, master);
    if (wanted.isEmpty()) {
      return Optional.empty();
    }
    for (NodeId node : attempt.table().nodes()) {
      Optional<Unlike> found =
          readings(attempt, node).flatMap(there -> unlike(job, master, wanted.get(), node, there));
      if (found.isPresent()) {
        return found;
      }
    }
    return Optional.empty();
  }

  private static Optional<Unlike> unlike(
      Job job, NodeId master, NodeReadings wanted, NodeId node, NodeReadings there) {
    for (String name : MUST_AGREE) {
      Optional<String> first = Optional.ofNullable(wanted.versions().get(name));
      Optional<String> other = Optional.ofNullable(there.versions().get(name));
      // what was not told in time is not held against anybody
      if (first.isPresent() && other.isPresent() && !first.equals(other)) {
        return Optional.of(
            new Unlike(
                node,
                Reason.of(
                    ReasonCode.DIFFERENT_VERSIONS,
                    "%s has %s %s and %s has %s; install one version on all nodes",
                    master,
                    name,
                    first.get(),
                    node,
                    other.get())));
      }
    }
    if (isOther(wanted, there, NodeReadings::folderId) && !isNodeLocal(job)) {
      return Optional.of(
          new Unlike(
              node,
              Reason.of(
                  ReasonCode.FOLDER_NOT_SHARED,
                  "%s is one folder on %s and another one on %s; mount one shared folder there on"
                      + " all nodes",
                  job.spec().checkpoint().dir().orElse(""),
                  master,
                  node)));
    }
    return wanted.gpus().equals(there.gpus())
        ? Optional.empty()
        : Optional.of(
            new Unlike(
                node,
                Reason.of(
                    ReasonCode.DIFFERENT_HARDWARE,
                    "%s has the GPUs %s and %s has %s; a gang is of one kind: name nodes that are"
                        + " alike",
                    master,
                    wanted.gpus(),
                    node,
                    there.gpus())));
  }

  private static boolean isOther(
      NodeReadings one, NodeReadings other, Function<NodeReadings, Optional<String>> what) {
    return what.apply(one).isPresent()
        && what.apply(other).isPresent()
        && !what.apply(one).equals(what.apply(other));
  }

  /** The job says that each node keeps a folder of its own: docs/checkpoints.md. */
  private static boolean isNodeLocal(Job job) {
    return job.spec().args().stream().anyMatch(a -> a.startsWith("--save_on_each_node"))
        || job.spec()
            .zero()
            .flatMap(z -> z.json())
            .filter(json -> NODE_LOCAL.matcher(json).find())
            .isPresent();
  }

  private static Optional<NodeReadings> readings(AttemptState attempt, NodeId node) {
    return Optional.ofNullable(attempt.prepared().get(node)).flatMap(PreparedNode::readings);
  }
}
