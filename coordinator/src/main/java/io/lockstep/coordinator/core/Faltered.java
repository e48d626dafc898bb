package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.NodeId;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;

/**
 * An attempt that has lost a worker by the loss of a peer: whose fault that was, the others will
 * say, or be silent.
 *
 * @param cause the earliest of what the reports said so far
 * @param verdictBy when the attempt has failed, whatever was heard by then
 * @param exited nodes whose group has said how it ended
 * @param heard nodes that gave a sign of life since
 * @param aftermath the other reports; empty while there is one only
 */
public record Faltered(
    AttemptRecord.Cause cause,
    Instant verdictBy,
    Set<NodeId> exited,
    Set<NodeId> heard,
    Optional<Aftermath> aftermath) {
  public Faltered {
    exited = FrozenSet.of(exited);
    heard = FrozenSet.of(heard);
  }

  Faltered until(Instant changed) {
    return new Faltered(cause, changed, exited, heard, aftermath);
  }

  /** One more report, which only says that a peer was lost. */
  Faltered withExited(NodeId node, Optional<AttemptRecord.Cause> said) {
    Set<NodeId> more = FrozenSet.of(exited).plus(node);
    AttemptRecord.Cause root = said.map(this::earlierOf).orElse(cause);
    AttemptRecord.Cause other = root.equals(cause) ? said.orElse(cause) : cause;
    return new Faltered(root, verdictBy, more, heard, plus(aftermath, other, root));
  }

  /** What two reports of a lost peer say about whose was lost first. */
  AttemptRecord.Cause earlierOf(AttemptRecord.Cause said) {
    return Causes.isEarlier(said, cause) ? said : cause;
  }

  /** All that was said before the root was known, as what followed from it. */
  Optional<Aftermath> after(AttemptRecord.Cause root) {
    return plus(aftermath, cause, root);
  }

  static Optional<Aftermath> plus(
      Optional<Aftermath> known, AttemptRecord.Cause one, AttemptRecord.Cause root) {
    Aftermath before = known.orElse(Aftermath.NOTHING).without(root.node());
    Optional<Aftermath.Followed> more =
        Causes.followed(one, root).filter(f -> !before.has(f.node()));
    Aftermath all = more.map(before::plus).orElse(before);
    return all.nodes() == 0 ? Optional.empty() : Optional.of(all);
  }

  Faltered withHeard(NodeId node) {
    return new Faltered(cause, verdictBy, exited, FrozenSet.of(heard).plus(node), aftermath);
  }
}
