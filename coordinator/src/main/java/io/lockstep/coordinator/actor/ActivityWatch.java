package io.lockstep.coordinator.actor;

import io.lockstep.coordinator.core.AttemptState;
import io.lockstep.coordinator.core.ClusterInput;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.coordinator.core.GangActivity;
import io.lockstep.coordinator.core.Job;
import io.lockstep.coordinator.core.JobPhase;
import io.lockstep.protocol.model.ConversionStatus;
import io.lockstep.protocol.model.GroupActivity;
import io.lockstep.protocol.model.GroupStatus;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.StartLengths;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;

/** Gathers what heartbeats say of running gangs; keeps nothing. */
public final class ActivityWatch {
  /** Some heartbeats: what an agent said before says nothing about now. */
  public static final Duration FRESH = Duration.ofSeconds(5);

  private ActivityWatch() {}

  /**
   * One input for each gang that runs, and one for each conversion that a node is at.
   *
   * @param fresh what the node's agent said within {@link #FRESH}
   */
  public static List<ClusterInput> inputs(
      ClusterState state, Function<NodeId, Optional<GroupStatus>> fresh) {
    return state.jobs().values().stream()
        .flatMap(job -> job.current().flatMap(a -> input(job, a, fresh)).stream())
        .toList();
  }

  private static Optional<ClusterInput> input(
      Job job, AttemptState attempt, Function<NodeId, Optional<GroupStatus>> fresh) {
    return job.phase() == JobPhase.RUNNING
        ? Optional.of(new ClusterInput.ActivitySeen(attempt.fence(), of(attempt, fresh)))
        : conversion(job, fresh).map(c -> new ClusterInput.ConversionSeen(attempt.fence(), c));
  }

  /** How far the node is that was ordered to convert; empty when none is at it. */
  static Optional<ConversionStatus> conversion(
      Job job, Function<NodeId, Optional<GroupStatus>> fresh) {
    return job.current()
        .filter(a -> job.phase() == JobPhase.PREPARING)
        .flatMap(
            a ->
                a.conversion()
                    .flatMap(c -> fresh.apply(c.on()))
                    .filter(g -> g.fence().equals(a.fence()))
                    .flatMap(GroupStatus::conversion));
  }

  /** Of the attempt under way; empty when there is none. */
  static GangActivity of(Job job, Function<NodeId, Optional<GroupStatus>> fresh) {
    return job.current().map(a -> of(a, fresh)).orElse(new GangActivity(Map.of()));
  }

  /**
   * How long the start of the attempt under way took; empty while one of its nodes has not said.
   */
  static Optional<StartLengths> startLengths(
      Job job, Function<NodeId, Optional<GroupStatus>> fresh) {
    return StartLengths.ofAll(
        job.current().stream()
            .flatMap(
                attempt ->
                    attempt.table().nodes().stream()
                        .map(
                            node ->
                                fresh
                                    .apply(node)
                                    .filter(g -> g.fence().equals(attempt.fence()))
                                    .flatMap(GroupStatus::startLengths)))
            .toList());
  }

  private static GangActivity of(
      AttemptState attempt, Function<NodeId, Optional<GroupStatus>> fresh) {
    var said = new TreeMap<NodeId, GroupActivity>();
    for (NodeId node : attempt.table().nodes()) {
      fresh
          .apply(node)
          .filter(g -> g.fence().equals(attempt.fence()))
          .flatMap(GroupStatus::activity)
          .ifPresent(activity -> said.put(node, activity));
    }
    return new GangActivity(said);
  }
}
