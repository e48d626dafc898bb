package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.NodeId;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What followed from the failure of an attempt: the groups of other nodes that failed after it.
 *
 * @param nodes how many
 * @param first the first of them, at most {@link #MAX_FOLLOWED}
 */
public record Aftermath(int nodes, List<Followed> first) {
  /** Groups of which more is kept than that they failed. */
  static final int MAX_FOLLOWED = 8;

  /** Longest message of one of them, in bytes. */
  static final int MAX_MESSAGE_BYTES = 120;

  static final Aftermath NOTHING = new Aftermath(0, List.of());

  public Aftermath {
    first = List.copyOf(first);
  }

  /**
   * One that failed after it.
   *
   * @param at when, by the coordinator's clock
   * @param same it said the same as the root: one error that many ranks met
   */
  public record Followed(
      NodeId node, Optional<Integer> rank, Optional<Instant> at, String message, boolean same) {
    public Followed {
      message = BoundedText.head(message, MAX_MESSAGE_BYTES);
    }
  }

  /** A node fails once. */
  boolean has(NodeId node) {
    return first.stream().anyMatch(f -> f.node().equals(node));
  }

  /** What turned out to be the root is no follower. */
  Aftermath without(Optional<NodeId> root) {
    List<Followed> left = first.stream().filter(f -> !root.equals(Optional.of(f.node()))).toList();
    return new Aftermath(nodes - (first.size() - left.size()), left);
  }

  Aftermath plus(Followed one) {
    var more = new ArrayList<>(first);
    if (more.size() < MAX_FOLLOWED) {
      more.add(one);
    }
    return new Aftermath(nodes + 1, more);
  }

  /** As it is kept when newer attempts are more telling. */
  Aftermath faded() {
    return new Aftermath(nodes, List.of());
  }
}
