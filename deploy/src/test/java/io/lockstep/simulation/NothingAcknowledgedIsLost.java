package io.lockstep.simulation;

import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.coordinator.core.Ending;
import io.lockstep.coordinator.core.Job;
import io.lockstep.coordinator.core.JobPhase;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.NodeId;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** What a user was answered stays true, whoever coordinates. */
final class NothingAcknowledgedIsLost implements Invariant {
  private final Simulation sim;
  private final Set<JobId> submitted = new HashSet<>();
  private final Set<JobId> canceled = new HashSet<>();
  private final Map<NodeId, Boolean> drained = new HashMap<>();
  private final Map<NodeId, Integer> wishes = new HashMap<>();

  NothingAcknowledgedIsLost(Simulation sim) {
    this.sim = sim;
  }

  void submitted(JobId job) {
    submitted.add(job);
    check(sim.history.state());
  }

  /** A job that was failing already ends as it would have. */
  void canceled(JobId job) {
    boolean failing =
        sim.history
            .state()
            .job(job)
            .filter(
                j ->
                    j.phase().isTerminal()
                        || j.ending().filter(e -> e != Ending.CANCEL).isPresent())
            .filter(j -> j.ending().filter(e -> e == Ending.RESTART).isEmpty())
            .isPresent();
    if (!failing) {
      canceled.add(job);
    }
    check(sim.history.state());
  }

  /** From now on a wish about this node may or may not have been heard; numbers the wish. */
  int wishes(NodeId node) {
    drained.remove(node);
    return wishes.merge(node, 1, Integer::sum);
  }

  /** Counts unless a later wish is under way. */
  void drained(NodeId node, int wish, boolean isDrained) {
    if (wishes.getOrDefault(node, 0) == wish) {
      drained.put(node, isDrained);
      check(sim.history.state());
    }
  }

  @Override
  public void tookOver(ClusterState truth, ClusterState read) {
    if (read.version() == sim.history.state().version()) {
      check(read);
    }
  }

  @Override
  public void quietEnd() {
    check(sim.history.state());
    for (JobId id : canceled) {
      JobPhase phase = sim.history.state().job(id).orElseThrow().phase();
      require(phase == JobPhase.CANCELED, "%s was canceled and ended %s", id, phase);
    }
  }

  private void check(ClusterState state) {
    for (JobId id : submitted) {
      require(state.job(id).isPresent(), "%s was submitted, and is unknown", id);
    }
    for (JobId id : canceled) {
      Optional<Job> job = state.job(id);
      require(
          job.filter(j -> j.phase() == JobPhase.CANCELED).isPresent()
              || job.flatMap(Job::ending).filter(e -> e == Ending.CANCEL).isPresent(),
          "%s was canceled, and is %s",
          id,
          job.map(Job::phase));
    }
    drained.forEach(
        (node, isDrained) ->
            require(
                state.node(node).filter(n -> n.draining() == isDrained).isPresent(),
                "%s should be %sdrained, and is %s",
                node,
                isDrained ? "" : "not ",
                state.node(node)));
  }
}
