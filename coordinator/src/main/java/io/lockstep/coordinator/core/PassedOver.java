package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.CheckpointInventory;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.NodeId;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A checkpoint newer than the agreed one that a node did not find complete.
 *
 * @param what its name, the file, what was found and what was wanted
 */
record PassedOver(NodeId on, String what) {
  /** Told of one attempt, in checkpoints. */
  static final int MAX_TOLD = CheckpointInventory.MAX_LISTED;

  private static final int MAX_SUMMARY_BYTES = 400;

  /** The node of rank 0 first; what several nodes say alike is said once. */
  static List<PassedOver> of(AttemptState attempt, Optional<CompleteCheckpoint> agreed) {
    long taken = agreed.map(CompleteCheckpoint::step).orElse(-1L);
    var said = new ArrayList<PassedOver>();
    Set<String> known = new HashSet<>();
    for (NodeId node : attempt.table().nodes()) {
      PreparedNode prepared = attempt.prepared().get(node);
      if (prepared == null) {
        continue;
      }
      for (String what : prepared.checkpoints().incomplete()) {
        boolean isNewer = CheckpointInventory.stepOf(what).orElse(Long.MAX_VALUE) > taken;
        boolean isLastResort =
            agreed.isPresent() && CheckpointInventory.stepOf(what).orElse(-1) == taken;
        if ((isNewer || isLastResort) && said.size() < MAX_TOLD && known.add(what)) {
          said.add(new PassedOver(node, what));
        }
      }
    }
    return said;
  }

  /** For the end of a sentence; empty when there is nothing to say. */
  static String summary(List<PassedOver> all) {
    if (all.isEmpty()) {
      return "";
    }
    String more = all.size() > 1 ? " and " + (all.size() - 1) + " more, see the events" : "";
    return "; WARNING: incomplete and not taken as it is: "
        + BoundedText.head(all.get(0).what(), MAX_SUMMARY_BYTES)
        + more;
  }
}
