package io.lockstep.simulation;

import io.lockstep.coordinator.core.ClusterEvent;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.coordinator.core.Job;
import io.lockstep.protocol.model.FailureCause;
import java.time.Duration;
import java.util.Optional;

/** An attempt is ended as hung only if its gang stood still for as long as the job allows. */
final class HangIsReal implements Invariant {
  private final Simulation sim;

  HangIsReal(Simulation sim) {
    this.sim = sim;
  }

  @Override
  public void happened(ClusterState before, ClusterEvent event, ClusterState after) {
    if (event instanceof ClusterEvent.AttemptFailed failed
        && failed.cause().code() == FailureCause.HANG) {
      sim.hangsFound++;
      Job job = before.job(failed.id()).orElseThrow();
      Duration allowed = job.spec().deadlines().noProgress();
      Optional<Duration> still =
          sim.knownGang(failed.fence()).map(g -> Duration.ofMillis(g.longestPauseMillis()));
      require(
          still.filter(s -> s.compareTo(allowed) >= 0).isPresent(),
          "%s: %s stood still for %s at most",
          failed.cause(),
          failed.fence(),
          still);
    }
  }
}
