package io.lockstep.simulation;

import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.RankTable;
import java.util.ArrayList;
import java.util.List;

/** The groups of one attempt as their workers know each other: rendezvous, training, peer loss. */
final class Gang {
  private static final long STEP_MILLIS = 1_000;
  private static final int PATIENCE_STEPS = 20;

  private final Simulation sim;
  private final LaunchSpec launch;
  private final List<SimGroup> joined = new ArrayList<>();
  private final int work;
  private long step;
  private int stalled;
  private boolean over;
  private boolean hung;
  private long movedAt;
  private long longestPause;

  Gang(Simulation sim, LaunchSpec launch, int work) {
    this.sim = sim;
    this.launch = launch;
    this.work = work;
  }

  void joined(SimGroup group) {
    joined.add(group);
    RankTable table = launch.rankTable();
    if (joined.size() == table.nnodes() && !over) {
      step = group.order.resume().map(c -> c.step()).orElse(0L);
      joined.forEach(SimGroup::peersAreThere);
      movedAt = sim.schedule.now();
      sim.schedule.after(STEP_MILLIS, this::train);
    }
  }

  /** A group ended, however it ended: unless it was done, the others notice. */
  void left(SimGroup group) {
    if (joined.contains(group) && !group.isFinished() && !over) {
      over = true;
      // A host that dies says nothing; its peers may hang for long.
      int slow = group.isAlive() || sim.schedule.oneIn(2) ? 0 : 30_000;
      sim.schedule.after(slow, () -> joined.forEach(SimGroup::losePeer));
    }
  }

  private void train() {
    if (over) {
      return;
    }
    boolean all = joined.stream().allMatch(SimGroup::workersAreUp);
    if (hung) {
      sim.schedule.after(STEP_MILLIS, this::train);
      return;
    }
    if (all && isConnected()) {
      longestPause = longestPauseMillis();
      movedAt = sim.schedule.now();
      stalled = 0;
      step++;
      if (step >= work || step % sim.stepsBetweenCheckpoints == 0) {
        sim.folder(launch.fence().job()).save(step, launch.rankTable().worldSize());
      }
      if (step >= work) {
        joined.forEach(SimGroup::finish);
        return;
      }
    } else if (all && ++stalled > PATIENCE_STEPS) {
      over = true;
      joined.forEach(SimGroup::losePeer);
      return;
    }
    sim.schedule.after(STEP_MILLIS, this::train);
  }

  /** From now on nobody makes a step, and nobody ends. */
  void hang() {
    hung = true;
  }

  long stillMillis() {
    return sim.schedule.now() - movedAt;
  }

  /** Of all, the one under way included. */
  long longestPauseMillis() {
    return Math.max(longestPause, stillMillis());
  }

  private boolean isConnected() {
    for (SimGroup one : joined) {
      for (SimGroup other : joined) {
        if (!sim.network.connects(one.host.name, other.host.name)) {
          return false;
        }
      }
    }
    return true;
  }
}
