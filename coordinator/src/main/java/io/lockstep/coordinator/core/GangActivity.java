package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.GroupActivity;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.RankActivity;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToLongFunction;

/**
 * What the groups of one attempt did lately, together: one that moves keeps the gang from standing
 * still, since a gang's other nodes may well wait for it.
 */
public record GangActivity(Map<NodeId, GroupActivity> groups) {
  public GangActivity {
    groups = Collections.unmodifiableMap(new TreeMap<>(groups));
  }

  /** One worker and where it is. */
  record OnNode(NodeId node, RankActivity rank) {}

  boolean isEmpty() {
    return groups.isEmpty();
  }

  /** Since any group's training was last seen to move. */
  Duration stillFor() {
    return least(GroupActivity::motionMillis);
  }

  /** Since any worker used the CPU or did I/O. */
  Duration idleFor() {
    return least(GroupActivity::lifeMillis);
  }

  private Duration least(ToLongFunction<GroupActivity> age) {
    return Duration.ofMillis(groups.values().stream().mapToLong(age).min().orElse(0));
  }

  /** The longest time between two steps that any group's output showed. */
  Duration longestGap() {
    return Duration.ofMillis(
        groups.values().stream().mapToLong(GroupActivity::gapMillis).max().orElse(0));
  }

  /** How many such times that was learned from. */
  long gaps() {
    return groups.values().stream().mapToLong(GroupActivity::gaps).max().orElse(0);
  }

  boolean sawEval() {
    return groups.values().stream().anyMatch(GroupActivity::sawEval);
  }

  /** 0 when no output says it. */
  long totalSteps() {
    return groups.values().stream().mapToLong(GroupActivity::totalSteps).max().orElse(0);
  }

  /** The newest step that any worker's output named; -1 when none did. */
  long step() {
    return ranks().stream().mapToLong(r -> r.rank().step()).max().orElse(-1);
  }

  List<OnNode> ranks() {
    var all = new ArrayList<OnNode>();
    groups.forEach((node, group) -> group.ranks().forEach(r -> all.add(new OnNode(node, r))));
    return all;
  }
}
