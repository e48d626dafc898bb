package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.GroupActivity;
import io.lockstep.protocol.model.GroupActivity.RankStack;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.RankActivity;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** What the shims of a gang of one worker per node measure while it trains; rank 0 prints steps. */
final class ATraining {
  private final List<NodeId> nodes;
  private final Map<NodeId, String> states = new HashMap<>();
  private final Map<NodeId, Integer> busy = new HashMap<>();
  private final Map<NodeId, RankStack> stacks = new TreeMap<>();
  private final Set<NodeId> unheard = new HashSet<>();
  private Duration still = Duration.ZERO;
  private Duration idle = Duration.ZERO;
  private Duration gap = Duration.ZERO;
  private boolean computes;
  private boolean sawEval;
  private long gaps;
  private long step = -1;
  private long total;

  ATraining(List<NodeId> nodes) {
    this.nodes = nodes;
  }

  /** Nothing moves meanwhile. */
  ATraining passes(Duration time) {
    still = still.plus(time);
    idle = computes ? Duration.ZERO : idle.plus(time);
    return this;
  }

  /** CPU is used from now on, or no more. */
  ATraining computes(boolean so) {
    computes = so;
    idle = so ? Duration.ZERO : idle;
    return this;
  }

  /** A step is done now; the pause since the last one is learned. */
  ATraining steps() {
    if (step > 0) {
      gap = still.compareTo(gap) > 0 ? still : gap;
      gaps++;
    }
    step = Math.max(0, step) + 1;
    return moves();
  }

  /** A bar, or a file that grows. */
  ATraining moves() {
    still = Duration.ZERO;
    idle = Duration.ZERO;
    return this;
  }

  ATraining from(long already) {
    step = already;
    return this;
  }

  ATraining of(long steps) {
    total = steps;
    return this;
  }

  ATraining evaluated() {
    sawEval = true;
    return this;
  }

  ATraining state(String node, String letter) {
    states.put(new NodeId(node), letter);
    return this;
  }

  ATraining busy(String node, int permille) {
    busy.put(new NodeId(node), permille);
    return this;
  }

  ATraining unheard(String node) {
    unheard.add(new NodeId(node));
    return this;
  }

  ATraining stack(String node, boolean moved, boolean waits, String top) {
    int rank = nodes.indexOf(new NodeId(node));
    stacks.put(new NodeId(node), new RankStack(rank, Optional.of("py-spy"), moved, waits, top));
    return this;
  }

  GangActivity seen() {
    var groups = new HashMap<NodeId, GroupActivity>();
    for (int i = 0; i < nodes.size(); i++) {
      NodeId node = nodes.get(i);
      var ranks = new ArrayList<RankActivity>();
      ranks.add(
          new RankActivity(
              i,
              i == 0 ? step : -1,
              still.toMillis(),
              busy.getOrDefault(node, 0),
              states.getOrDefault(node, "S"),
              0,
              busy.getOrDefault(node, 0)));
      Optional<GroupActivity.Stacks> taken =
          Optional.ofNullable(stacks.get(node))
              .map(s -> new GroupActivity.Stacks(0, List.of(s), "File " + s.top()));
      // only rank 0's node sees steps; the others have nothing but the time since they began
      Duration motion = i == 0 ? still : still.plus(Duration.ofHours(1));
      if (!unheard.contains(node)) {
        groups.put(
            node,
            new GroupActivity(
                motion.toMillis(),
                idle.toMillis(),
                i == 0 ? gap.toMillis() : 0,
                i == 0 ? gaps : 0,
                i == 0 && sawEval,
                i == 0 ? total : 0,
                ranks,
                taken));
      }
    }
    return new GangActivity(groups);
  }
}
