package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.NodeId;
import java.time.Instant;
import java.util.Collections;
import java.util.Set;
import java.util.TreeSet;

/**
 * An attempt that has lost a worker by the loss of a peer: whose fault that was, the others will
 * say, or be silent.
 *
 * @param cause what the first report said
 * @param verdictBy when the attempt has failed, whatever was heard by then
 * @param exited nodes whose group has said how it ended
 * @param heard nodes that gave a sign of life since
 */
public record Faltered(
    AttemptRecord.Cause cause, Instant verdictBy, Set<NodeId> exited, Set<NodeId> heard) {
  public Faltered {
    exited = Collections.unmodifiableSet(new TreeSet<>(exited));
    heard = Collections.unmodifiableSet(new TreeSet<>(heard));
  }

  Faltered until(Instant changed) {
    return new Faltered(cause, changed, exited, heard);
  }

  Faltered withExited(NodeId node) {
    var more = new TreeSet<>(exited);
    more.add(node);
    return new Faltered(cause, verdictBy, more, heard);
  }

  Faltered withHeard(NodeId node) {
    var more = new TreeSet<>(heard);
    more.add(node);
    return new Faltered(cause, verdictBy, exited, more);
  }
}
