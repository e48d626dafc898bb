package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.NodeId;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** What the nodes of a job are told in each phase: at once, and again until they have answered. */
final class Orders {
  /**
   * So many nodes are told again in one tick, by turns: were it all of a large gang, their answers
   * would wait behind the repeats, which would be repeated.
   */
  static final int MAX_REPEATS = 100;

  private final Deciding d;
  private final Job job;
  private final boolean again;

  private Orders(Deciding d, Job job, boolean again) {
    this.d = d;
    this.job = job;
    this.again = again;
  }

  /** Tells the nodes what they have not answered yet. */
  static void give(Deciding d, Job job) {
    new Orders(d, job, false).give();
  }

  /** The same on a tick: what was told may have been lost. */
  static void repeat(Deciding d, Job job) {
    new Orders(d, job, true).give();
  }

  /** Lets one node make the checkpoint fit, where that is part of this attempt. */
  static void convert(Deciding d, Job job) {
    new Orders(d, job, false).convert();
  }

  private void give() {
    switch (job.phase()) {
      case PREPARING -> {
        prepare();
        convert();
        stopStrangers();
      }
      case STARTING, RUNNING -> {
        if (attempt().faltered().isEmpty()) {
          start();
        }
        stopStrangers();
      }
      case STOPPING -> turn(job.open()).forEach(this::stopWithGrace);
      case QUEUED -> turn(job.open()).forEach(group -> stop(group, "the attempt is over"));
      case SUCCEEDED, FAILED, CANCELED -> {}
    }
  }

  private AttemptState attempt() {
    return job.current().orElseThrow();
  }

  /** Whose turn it is now; on ticks a second apart all have theirs. */
  private <T> List<T> turn(List<T> all) {
    if (!again || all.size() <= MAX_REPEATS) {
      return all;
    }
    long first = d.now().getEpochSecond() * MAX_REPEATS;
    return IntStream.range(0, MAX_REPEATS)
        .mapToObj(i -> all.get((int) ((first + i) % all.size())))
        .toList();
  }

  private void prepare() {
    AttemptState attempt = attempt();
    Optional<String> zero = job.spec().zero().flatMap(z -> z.json());
    String cause = causeBefore();
    List<NodeId> gang = attempt.table().nodes();
    List<Integer> unprepared =
        IntStream.range(0, gang.size())
            .filter(rank -> !attempt.prepared().containsKey(gang.get(rank)))
            .boxed()
            .toList();
    for (int rank : turn(unprepared)) {
      NodeId node = gang.get(rank);
      d.action(
          new ClusterAction.Prepare(
              new LaunchSpec(
                  attempt.fence(),
                  node,
                  rank,
                  attempt.table(),
                  job.openOn(node, attempt.fence()).map(OpenGroup::disk).orElse(""),
                  job.spec(),
                  zero,
                  cause)));
    }
  }

  private String causeBefore() {
    int last = job.attempts().size() - 2;
    return last < 0
        ? ""
        : job.attempts().get(last).cause().map(c -> c.code().name()).orElse("OPERATOR");
  }

  private void convert() {
    AttemptState attempt = attempt();
    attempt
        .conversion()
        .ifPresent(
            c -> d.action(new ClusterAction.Convert(c.on(), attempt.fence(), c.checkpoint())));
  }

  private void start() {
    AttemptState attempt = attempt();
    List<NodeId> unstarted =
        attempt.table().nodes().stream()
            .filter(node -> !attempt.started().contains(node))
            .filter(node -> !attempt.finished().contains(node))
            .toList();
    for (NodeId node : turn(unstarted)) {
      d.action(
          new ClusterAction.Start(
              node,
              attempt.fence(),
              attempt.masterPort().orElseThrow(),
              attempt.resume(),
              attempt.moveAside()));
    }
  }

  /** Ends groups of earlier attempts on nodes that are not in the gang any more. */
  private void stopStrangers() {
    AttemptState attempt = attempt();
    List<OpenGroup> strangers =
        job.open().stream()
            .filter(group -> attempt.fence().supersedes(group.fence()))
            .filter(group -> !attempt.table().contains(group.node()))
            .toList();
    String why = "attempt " + attempt.fence().attempt() + " replaces it";
    turn(strangers).forEach(group -> stop(group, why));
  }

  private void stop(OpenGroup group, String why) {
    d.action(new ClusterAction.Stop(group.node(), group.fence(), Duration.ZERO, group.disk(), why));
  }

  private void stopWithGrace(OpenGroup group) {
    d.action(
        new ClusterAction.Stop(
            group.node(),
            group.fence(),
            job.grace(),
            group.disk(),
            job.reason().message(),
            job.saveWithin()));
  }
}
