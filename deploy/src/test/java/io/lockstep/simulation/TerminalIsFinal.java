package io.lockstep.simulation;

import io.lockstep.coordinator.core.ClusterEvent;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.coordinator.core.Job;
import io.lockstep.coordinator.core.JobPhase;
import io.lockstep.protocol.model.JobId;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** An ended job stays as it ended, and no process of it lives from then on. */
final class TerminalIsFinal implements Invariant {
  private final Simulation sim;
  private final RanOut ranOut;
  private final Map<JobId, JobPhase> ended = new HashMap<>();

  TerminalIsFinal(Simulation sim, RanOut ranOut) {
    this.sim = sim;
    this.ranOut = ranOut;
  }

  @Override
  public void happened(ClusterState before, ClusterEvent event, ClusterState after) {
    for (Job job : event.job().flatMap(after::job).stream().toList()) {
      Optional<JobPhase> was = Optional.ofNullable(ended.get(job.id()));
      require(
          was.map(phase -> phase == job.phase()).orElse(true),
          "%s was %s: %s",
          job.id(),
          was,
          event);
      if (job.phase().isTerminal() && was.isEmpty()) {
        ended.put(job.id(), job.phase());
        worldChanged();
      }
    }
  }

  @Override
  public void worldChanged() {
    for (SimGroup group : sim.livingGroups()) {
      require(
          !ended.containsKey(group.fence().job()) || ranOut.exempts(group),
          "%s is over and %s has processes on %s",
          group.fence().job(),
          group.fence(),
          group.host.id);
    }
  }
}
