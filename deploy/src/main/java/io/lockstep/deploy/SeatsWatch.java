package io.lockstep.deploy;

import akka.actor.typed.Behavior;
import akka.actor.typed.javadsl.AbstractBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.Receive;
import akka.cluster.ClusterEvent.CurrentClusterState;
import akka.cluster.Member;
import akka.cluster.MemberStatus;
import akka.cluster.typed.Cluster;
import java.time.Duration;
import java.util.stream.StreamSupport;

/**
 * Ends the actor system of a daemon that is no seat when the seats are out of reach for a while.
 * Seats that were all restarted form a new cluster, and the split-brain resolver downs no other
 * data center: whoever waits in the old cluster would wait for ever. The next actor system joins.
 */
final class SeatsWatch extends AbstractBehavior<SeatsWatch.Look> {
  private static final Duration INTERVAL = Duration.ofSeconds(1);

  /**
   * Longer than a failover by far: Akka counts the seats' data center as unreachable from the loss
   * of one seat until the others have removed it.
   */
  private static final Duration LIMIT = Duration.ofSeconds(20);

  /** Time to look. */
  enum Look {
    NOW
  }

  private final Cluster cluster;
  private final String seatsDataCenter;
  private long lastSeen = System.nanoTime();

  static Behavior<Look> create(String seatsDataCenter) {
    return Behaviors.setup(
        context ->
            Behaviors.withTimers(
                timers -> {
                  timers.startTimerWithFixedDelay(Look.NOW, INTERVAL);
                  return new SeatsWatch(context, seatsDataCenter);
                }));
  }

  private SeatsWatch(ActorContext<Look> context, String seatsDataCenter) {
    super(context);
    this.cluster = Cluster.get(context.getSystem());
    this.seatsDataCenter = seatsDataCenter;
  }

  @Override
  public Receive<Look> createReceive() {
    return newReceiveBuilder().onMessage(Look.class, this::onLook).build();
  }

  private Behavior<Look> onLook(Look look) {
    if (!cluster.selfMember().status().equals(MemberStatus.up()) || reachesASeat()) {
      lastSeen = System.nanoTime();
    } else if (System.nanoTime() - lastSeen > LIMIT.toNanos()) {
      getContext()
          .getLog()
          .warn(
              "the seats are out of reach for {} s; leaves this cluster to join the one that they form",
              LIMIT.toSeconds());
      getContext().getSystem().terminate();
      return Behaviors.stopped();
    }
    return this;
  }

  /** Members of another data center are never in getUnreachable: only the whole center is. */
  private boolean reachesASeat() {
    CurrentClusterState state = cluster.state();
    return !state.getUnreachableDataCenters().contains(seatsDataCenter)
        && StreamSupport.stream(state.getMembers().spliterator(), false).anyMatch(this::isSeat);
  }

  private boolean isSeat(Member member) {
    return member.dataCenter().equals(seatsDataCenter) && member.status().equals(MemberStatus.up());
  }
}
