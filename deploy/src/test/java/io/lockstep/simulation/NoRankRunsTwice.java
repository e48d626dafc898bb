package io.lockstep.simulation;

import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.JobId;
import java.util.HashMap;
import java.util.Map;

/**
 * While an attempt of a job has a process anywhere, no process of an earlier attempt of that job
 * lives.
 */
final class NoRankRunsTwice implements Invariant {
  private final Simulation sim;
  private final RanOut ranOut;

  NoRankRunsTwice(Simulation sim, RanOut ranOut) {
    this.sim = sim;
    this.ranOut = ranOut;
  }

  @Override
  public void worldChanged() {
    Map<JobId, Attempt> newest = new HashMap<>();
    for (SimGroup group : sim.livingGroups()) {
      newest.merge(group.fence().job(), group.fence().attempt(), (a, b) -> a.isBefore(b) ? b : a);
    }
    for (SimGroup group : sim.livingGroups()) {
      Attempt running = newest.getOrDefault(group.fence().job(), group.fence().attempt());
      require(
          !group.fence().attempt().isBefore(running) || ranOut.exempts(group),
          "%s still has processes on %s while attempt %s runs",
          group.fence(),
          group.host.id,
          running);
    }
  }
}
