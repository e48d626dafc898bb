package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.NodeId;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.RandomAccess;
import java.util.function.Function;

/**
 * Groups in the order of their nodes and, on one node, of their plans. Nobody changes it. Those of
 * a node are found without a look at all others, as is asked at each heartbeat.
 */
final class OpenGroups extends AbstractList<OpenGroup> implements RandomAccess {
  private static final Comparator<OpenGroup> ORDER =
      Comparator.comparing(OpenGroup::node).thenComparingLong(g -> g.fence().plan());

  private final OpenGroup[] groups;

  private final Optional<Looked> looked;

  /** All groups were seen to be revoked, but those of this attempt. */
  private record Looked(Optional<Fence> underWay) {}

  private OpenGroups(OpenGroup[] groups, Optional<Looked> looked) {
    this.groups = groups;
    this.looked = looked;
  }

  static OpenGroups of(Collection<OpenGroup> from) {
    if (from instanceof OpenGroups sorted) {
      return sorted;
    }
    return new OpenGroups(from.stream().sorted(ORDER).toArray(OpenGroup[]::new), Optional.empty());
  }

  OpenGroups plus(Collection<OpenGroup> more) {
    var all = new ArrayList<OpenGroup>(this);
    all.addAll(more);
    return of(all);
  }

  /** Those of one node, oldest plan first. */
  List<OpenGroup> on(NodeId node) {
    int from = firstOf(node);
    int to = from;
    while (to < groups.length && groups[to].node().equals(node)) {
      to++;
    }
    return subList(from, to);
  }

  /**
   * The same where each group of this node is what it changes to, or is gone.
   *
   * @param change leaves the fence as it is, and what is revoked revoked
   */
  OpenGroups changedOn(NodeId node, Function<OpenGroup, Optional<OpenGroup>> change) {
    int from = firstOf(node);
    List<OpenGroup> before = on(node);
    List<OpenGroup> after = before.stream().flatMap(g -> change.apply(g).stream()).toList();
    if (after.equals(before)) {
      return this;
    }
    int behind = from + before.size();
    var changed = new OpenGroup[groups.length - before.size() + after.size()];
    System.arraycopy(groups, 0, changed, 0, from);
    for (int i = 0; i < after.size(); i++) {
      changed[from + i] = after.get(i);
    }
    System.arraycopy(groups, behind, changed, from + after.size(), groups.length - behind);
    return new OpenGroups(changed, looked);
  }

  /**
   * The same where all groups but those of the attempt under way are revoked, from this version of
   * the state if they were not before; empty where that was seen already.
   */
  Optional<OpenGroups> revokedExcept(Optional<Fence> underWay, long version) {
    var look = new Looked(underWay);
    if (looked.equals(Optional.of(look))) {
      return Optional.empty(); // as after most events: a gang of n nodes has n of them
    }
    OpenGroup[] changed = groups;
    for (int i = 0; i < groups.length; i++) {
      OpenGroup group = groups[i];
      if (group.revokedAt().isEmpty() && !underWay.equals(Optional.of(group.fence()))) {
        changed = changed == groups ? groups.clone() : changed;
        changed[i] = group.revoked(version);
      }
    }
    return Optional.of(new OpenGroups(changed, Optional.of(look)));
  }

  /** Where the groups of this node begin, or would. */
  private int firstOf(NodeId node) {
    int low = 0;
    int high = groups.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (groups[middle].node().compareTo(node) < 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  @Override
  public OpenGroup get(int index) {
    return groups[index];
  }

  @Override
  public int size() {
    return groups.length;
  }
}
