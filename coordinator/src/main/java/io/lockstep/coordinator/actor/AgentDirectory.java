package io.lockstep.coordinator.actor;

import akka.actor.typed.ActorRef;
import io.lockstep.coordinator.core.Node;
import io.lockstep.protocol.message.ToAgent;
import io.lockstep.protocol.model.GroupStatus;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.WarmStatus;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Where each agent is now, when it was heard and what its group does; volatile, rebuilt by Hello
 * and heartbeats.
 */
final class AgentDirectory {
  /** A node id belongs to the daemon that was heard with it within this time: some heartbeats. */
  static final Duration ID_HELD = Duration.ofSeconds(5);

  private final Map<NodeId, Known> known = new HashMap<>();
  private Instant since;

  /**
   * One agent as last heard.
   *
   * @param newest what it last said of a group that was somewhere
   * @param greeted it said Hello to this coordinator, with this memory
   */
  private record Known(
      ActorRef<ToAgent> agent,
      Instant heard,
      String disk,
      Optional<GroupStatus> group,
      Optional<GroupStatus> newest,
      Optional<WarmStatus> warm,
      boolean greeted) {}

  AgentDirectory(Instant since) {
    this.since = since;
  }

  /** An agent said Hello. */
  void greeted(NodeId node, ActorRef<ToAgent> agent, String disk, Instant now) {
    known.put(
        node, new Known(agent, now, disk, Optional.empty(), newest(node), Optional.empty(), true));
  }

  /** True until this agent said Hello, as it is now: the wish for it may be lost. */
  boolean heard(
      NodeId node,
      ActorRef<ToAgent> agent,
      String disk,
      Optional<GroupStatus> group,
      Optional<WarmStatus> warm,
      Instant now) {
    Known before = known.get(node);
    boolean greeted =
        before != null
            && before.greeted()
            && before.agent().equals(agent)
            && before.disk().equals(disk);
    Optional<GroupStatus> newest =
        group.filter(g -> g.progress().isPresent()).or(() -> newest(node));
    known.put(node, new Known(agent, now, disk, group, newest, warm, greeted));
    return !greeted;
  }

  /**
   * The address of another daemon that is this node; empty when this one is, or may become it. A
   * daemon that starts again has the address that it had.
   */
  Optional<String> takenBy(NodeId node, ActorRef<ToAgent> agent, Instant now) {
    return Optional.ofNullable(known.get(node))
        .filter(k -> !k.agent().path().address().equals(agent.path().address()))
        .filter(k -> Duration.between(k.heard(), now).compareTo(ID_HELD) < 0)
        .map(k -> k.agent().path().address().toString());
  }

  Optional<ActorRef<ToAgent>> agent(NodeId node) {
    return Optional.ofNullable(known.get(node)).map(Known::agent);
  }

  /** Without an agent where it is lost, or was not heard of. */
  CoordinatorAnswer.NodePlace place(Node node) {
    return new CoordinatorAnswer.NodePlace(
        node.id(), node.inventory().address(), node.lost() ? Optional.empty() : agent(node.id()));
  }

  Optional<GroupStatus> group(NodeId node) {
    return Optional.ofNullable(known.get(node)).flatMap(Known::group);
  }

  /** What it last said of a group's progress: how far that came is asked for after its end too. */
  Optional<GroupStatus> newest(NodeId node) {
    return Optional.ofNullable(known.get(node)).flatMap(Known::newest);
  }

  /** Its warm pool, as last said. */
  Optional<WarmStatus> warmPool(NodeId node) {
    return Optional.ofNullable(known.get(node)).flatMap(Known::warm);
  }

  /** What its group does, if it was heard lately. */
  Optional<GroupStatus> freshGroup(NodeId node, Instant now) {
    return Optional.ofNullable(known.get(node))
        .filter(k -> Duration.between(k.heard(), now).compareTo(ActivityWatch.FRESH) < 0)
        .flatMap(Known::group);
  }

  /** What was before is not held against anybody: the listener was away, or is new. */
  void countSilenceFrom(Instant moment) {
    since = moment;
  }

  Duration silence(NodeId node, Instant now) {
    Known last = known.get(node);
    Instant from = last != null && last.heard().isAfter(since) ? last.heard() : since;
    return Duration.between(from, now);
  }

  /** Of these nodes, those not heard for {@code limit}. */
  List<NodeId> silent(Iterable<NodeId> nodes, Duration limit, Instant now) {
    var silent = new ArrayList<NodeId>();
    for (NodeId node : nodes) {
      if (silence(node, now).compareTo(limit) > 0) {
        silent.add(node);
      }
    }
    return silent;
  }
}
