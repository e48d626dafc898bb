package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.NodeId;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.NavigableSet;
import java.util.Set;
import java.util.TreeSet;

/**
 * Nodes of one kind that may meet another one now: in no job, and in no pair check at the end of a
 * quarantine. Rather those that are well; where they are few, quarantined ones too: else a bad one
 * that is the last to be placed would fail with all others, and nobody could tell which is the bad
 * one.
 */
final class IdleNodes {
  private final Set<NodeId> inChecks = new HashSet<>();
  private final NavigableSet<NodeId> well = new TreeSet<>();
  private final NavigableSet<NodeId> quarantined = new TreeSet<>();

  IdleNodes(Deciding d, boolean withGpus) {
    for (Node node : d.state().nodes().values()) {
      List<NodeId> partners = node.trial().map(Node.Trial::partners).orElse(List.of());
      if (!partners.isEmpty()) {
        inChecks.addAll(partners);
        inChecks.add(node.id());
      }
    }
    for (Node node : d.state().nodes().values()) {
      boolean isFit =
          !node.lost() && !node.draining() && !node.suspect() && node.trouble().isEmpty();
      if (isFit
          && node.hasGpus() == withGpus
          && !isInACheck(node.id())
          && !isInAJob(d, node.id())) {
        (node.isPlaceable() ? well : quarantined).add(node.id());
      }
    }
  }

  private static boolean isInAJob(Deciding d, NodeId id) {
    return d.state().jobs().values().stream().anyMatch(j -> j.holds(id) || j.reserves(id, d.now()));
  }

  boolean isInACheck(NodeId id) {
    return inChecks.contains(id);
  }

  /**
   * Those that come next in a ring of all names, so that not all ask the same ones. They and the
   * node are in a check from now on, unless there are none.
   *
   * @param most so many at most
   */
  List<NodeId> take(NodeId node, int most) {
    well.remove(node);
    quarantined.remove(node);
    var taken = new ArrayList<NodeId>();
    takeNext(taken, well, node, most);
    takeNext(taken, quarantined, node, most);
    if (!taken.isEmpty()) {
      inChecks.addAll(taken);
      inChecks.add(node);
    }
    return taken;
  }

  private static void takeNext(
      List<NodeId> taken, NavigableSet<NodeId> from, NodeId after, int most) {
    while (taken.size() < most && !from.isEmpty()) {
      NodeId next = from.higher(after);
      next = next != null ? next : from.first();
      from.remove(next);
      taken.add(next);
    }
  }
}
