package io.lockstep.deploy.run;

import io.lockstep.coordinator.cli.ApiRefused;
import io.lockstep.coordinator.cli.ExitCode;
import io.lockstep.coordinator.cli.NoCoordinator;
import io.lockstep.deploy.EmbeddedDaemon;
import io.lockstep.protocol.api.JobView;
import io.lockstep.protocol.api.NodeView;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** A host with a rank above 0 or none: lends itself to the job, and leaves when it is over. */
final class OtherHost {
  /** How long node rank 0 may be silent before this host ends its workers and leaves. */
  private static final Duration SILENCE_LIMIT = Duration.ofSeconds(30);

  /** How long the coordinator may take to hear of this host. */
  private static final Duration JOIN_LIMIT = Duration.ofSeconds(90);

  private static final Duration LEAVE_LIMIT = Duration.ofSeconds(40);

  private final Host host;
  private final RunRequest request;
  private final Talk talk;

  OtherHost(Host host) {
    this.host = host;
    this.request = host.request();
    this.talk = host.talk();
  }

  ExitCode run() throws RunRefused, InterruptedException {
    if (!hasFirst()) {
      return ExitCode.CANCELED;
    }
    refuseIfTaken();
    EmbeddedDaemon daemon = host.startDaemon();
    try {
      return follow(daemon);
    } finally {
      host.close(daemon);
    }
  }

  // coming in

  /** Waits for node rank 0; false when the caller gave up. */
  private boolean hasFirst() throws RunRefused, InterruptedException {
    long begun = System.nanoTime();
    while (host.signals().asked() == 0) {
      if (host.nodes().isPresent()) {
        return true;
      }
      if (System.nanoTime() - begun > request.joinLimit().toNanos()) {
        throw new RunRefused(
            ExitCode.NO_COORDINATOR,
            "nobody answered at %s for %d s; start node rank 0 there with the same --master-port %d"
                .formatted(request.api(), request.joinLimit().toSeconds(), request.masterPort()));
      }
      talk.say(
          "waits for node rank 0 on %s (--master-port %d)"
              .formatted(request.master(), request.masterPort()));
      Host.pause();
    }
    return false;
  }

  private Optional<JobView> job() {
    try {
      return host.api().jobs().stream().findFirst();
    } catch (NoCoordinator | ApiRefused e) {
      return Optional.empty();
    }
  }

  private void refuseIfTaken() throws RunRefused, InterruptedException {
    Optional<String> holder = holder(host.nodes().orElse(List.of()));
    if (holder.isPresent()) {
      throw taken(holder.get());
    }
  }

  /** Who else has the rank that this host asks for, or asks for it and was first. */
  private Optional<String> holder(List<NodeView> nodes) {
    if (request.nodeRank().isEmpty()) {
      return Optional.empty();
    }
    Integer rank = request.nodeRank().get();
    return nodes.stream()
        .filter(node -> !node.node().equals(request.host()) && !Host.isAway(node))
        .filter(
            node ->
                node.nodeRank().filter(rank::equals).isPresent()
                    || (node.nodeRank().isEmpty()
                        && node.askedRank().filter(rank::equals).isPresent()))
        .map(NodeView::node)
        .findFirst();
  }

  private RunRefused taken(String holder) {
    return new RunRefused(
        ExitCode.REFUSED,
        "node rank %d is taken by %s; give a vacant one, or none to be a spare"
            .formatted(request.nodeRank().orElse(0), holder));
  }

  // being there

  private ExitCode follow(EmbeddedDaemon daemon) throws RunRefused, InterruptedException {
    var follower = new JobFollower(talk);
    long begun = System.nanoTime();
    long heard = begun;
    boolean isIn = false;
    while (host.signals().asked() == 0) {
      if (daemon.failure().isPresent()) {
        throw new RunRefused(ExitCode.INFRASTRUCTURE, daemon.failure().get());
      }
      Optional<List<NodeView>> nodes = host.nodes();
      Optional<JobView> job = job();
      if (nodes.isPresent()) {
        heard = System.nanoTime();
        isIn |= welcome(nodes.get(), isIn);
      }
      if (job.isPresent()) {
        follower.tell(job.get());
        if (JobView.isTerminal(job.get())) {
          host.keepResult(job.get());
          ExitCode code = follower.end(job.get());
          sayGoodbye();
          return code;
        }
      }
      if (System.nanoTime() - heard > SILENCE_LIMIT.toNanos()) {
        throw new RunRefused(
            ExitCode.NO_COORDINATOR,
            "node rank 0 on %s has not answered for %d s; its command is gone, so this host leaves"
                .formatted(request.master(), SILENCE_LIMIT.toSeconds()));
      }
      if (!isIn && System.nanoTime() - begun > JOIN_LIMIT.toNanos()) {
        throw new RunRefused(
            ExitCode.INFRASTRUCTURE,
            "this host, %s, was not let in within %d s; does node rank 0 reach its port %d?"
                .formatted(request.host(), JOIN_LIMIT.toSeconds(), request.ports().akka()));
      }
      Host.pause();
    }
    leave(daemon);
    return ExitCode.CANCELED;
  }

  /** Looks whether this host is in; undoes its leaving of an earlier call. */
  private boolean welcome(List<NodeView> nodes, boolean isIn) throws RunRefused {
    Optional<NodeView> mine =
        nodes.stream().filter(node -> node.node().equals(request.host())).findFirst();
    if (isIn || mine.isEmpty() || !mine.get().askedRank().equals(request.nodeRank())) {
      return false;
    }
    NodeView me = mine.get();
    if (me.health().equals("DRAINING")) {
      if (me.reason().code().equals("DRAINING")) {
        return false; // so an earlier call left it; this call's agent has not said Hello yet
      }
      try {
        host.api().resume(request.host());
      } catch (NoCoordinator | ApiRefused e) {
        return false; // again in a moment
      }
      return false;
    }
    if (!me.health().equals("READY")) {
      return false;
    }
    Optional<String> holder = holder(nodes).filter(other -> me.nodeRank().isEmpty());
    if (holder.isPresent() && holder.get().compareTo(request.host()) < 0) {
      throw taken(holder.get()); // both came at once
    }
    talk.say(
        request
            .nodeRank()
            .map(rank -> request.host() + " is in, for node rank " + rank)
            .orElse(
                request.host()
                    + (request.givesRanks()
                        ? " is in; ranks are given when all hosts are there"
                        : " is in, without a rank: a spare")));
    return true;
  }

  // going

  private void leave(EmbeddedDaemon daemon) throws InterruptedException {
    talk.say(
        "leaving; the job goes on when %s is there again; once more kills at once"
            .formatted(
                request.nodeRank().map(rank -> "node rank " + rank).orElse("what it needs")));
    sayGoodbye();
    long begun = System.nanoTime();
    while (daemon.hasGroups()
        && host.signals().asked() < 2
        && System.nanoTime() - begun < LEAVE_LIMIT.toNanos()) {
      Host.pause();
    }
  }

  private void sayGoodbye() {
    try {
      host.api().drain(request.host());
    } catch (NoCoordinator | ApiRefused e) {
      talk.say("node rank 0 does not hear that this host leaves: " + e.getMessage());
    }
  }
}
