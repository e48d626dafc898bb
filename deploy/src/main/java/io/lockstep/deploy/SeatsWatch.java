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
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.StreamSupport;

/**
 * Ends the actor system of a daemon whose cluster is not that of the seats for a while; the next
 * one joins theirs. Seats that were all restarted form a new cluster, and the split-brain resolver
 * downs no other data center: whoever waits in the old cluster would wait for ever. And two seats
 * that start at the same moment can each form a cluster, since a majority of contact points is
 * enough for that: the one that stays alone would be alone for ever. It is not up there, only
 * joining, since nobody is up before a majority of the seats is in the cluster.
 */
final class SeatsWatch extends AbstractBehavior<SeatsWatch.Look> {
  private static final Duration INTERVAL = Duration.ofSeconds(1);

  /**
   * Longer than a failover by far: Akka counts the seats' data center as unreachable from the loss
   * of one seat until the others have removed it.
   */
  private static final Duration LIMIT = Duration.ofSeconds(20);

  /** For a seat that no cluster has taken up yet: it loses nothing when it looks once more. */
  private static final Duration FOUNDING_LIMIT = Duration.ofSeconds(5);

  /**
   * An agent costs its group nothing when it leaves and comes back, and a coordinator gives up a
   * silent one after 10 s: it must be back sooner when all seats were restarted.
   */
  private static final Duration AGENT_LIMIT = Duration.ofSeconds(8);

  private static final Duration SPREAD = Duration.ofSeconds(5);

  private static final Set<MemberStatus> IN_CLUSTER =
      Set.of(MemberStatus.joining(), MemberStatus.weaklyUp(), MemberStatus.up());

  /** Time to look. */
  enum Look {
    NOW
  }

  private final Cluster cluster;
  private final String seatsDataCenter;
  private final int needed;
  private final Duration limit;
  private final Duration foundingLimit;
  private long lastSeen = System.nanoTime();

  /** For a daemon that is no seat: one seat in its cluster is enough. */
  static Behavior<Look> ofAgent(String seatsDataCenter) {
    return create(seatsDataCenter, 1, INTERVAL, AGENT_LIMIT, AGENT_LIMIT);
  }

  /**
   * For a seat, which counts itself: a majority must be in its cluster. The limit differs between
   * seats, or all would look for each other's clusters at the same moment again.
   */
  static Behavior<Look> ofSeat(String seatsDataCenter, int majority) {
    Duration more = Duration.ofMillis(ThreadLocalRandom.current().nextLong(SPREAD.toMillis()));
    return create(seatsDataCenter, majority, INTERVAL, LIMIT.plus(more), FOUNDING_LIMIT.plus(more));
  }

  static Behavior<Look> create(
      String seatsDataCenter,
      int needed,
      Duration interval,
      Duration limit,
      Duration foundingLimit) {
    return Behaviors.setup(
        context ->
            Behaviors.withTimers(
                timers -> {
                  timers.startTimerWithFixedDelay(Look.NOW, interval);
                  return new SeatsWatch(context, seatsDataCenter, needed, limit, foundingLimit);
                }));
  }

  private SeatsWatch(
      ActorContext<Look> context,
      String seatsDataCenter,
      int needed,
      Duration limit,
      Duration foundingLimit) {
    super(context);
    this.cluster = Cluster.get(context.getSystem());
    this.seatsDataCenter = seatsDataCenter;
    this.needed = needed;
    this.limit = limit;
    this.foundingLimit = foundingLimit;
  }

  @Override
  public Receive<Look> createReceive() {
    return newReceiveBuilder().onMessage(Look.class, this::onLook).build();
  }

  private Behavior<Look> onLook(Look look) {
    MemberStatus self = cluster.selfMember().status();
    Duration allowed = self.equals(MemberStatus.up()) ? limit : foundingLimit;
    if (!IN_CLUSTER.contains(self) || reachesSeats()) {
      lastSeen = System.nanoTime();
    } else if (System.nanoTime() - lastSeen > allowed.toNanos()) {
      getContext()
          .getLog()
          .warn(
              "the seats are not in this cluster for {} s; leaves it to join the one that they form",
              allowed.toSeconds());
      getContext().getSystem().terminate();
      return Behaviors.stopped();
    }
    return this;
  }

  /** Members of another data center are never in getUnreachable: only the whole center is. */
  private boolean reachesSeats() {
    CurrentClusterState state = cluster.state();
    return !state.getUnreachableDataCenters().contains(seatsDataCenter)
        && StreamSupport.stream(state.getMembers().spliterator(), false)
                .filter(member -> isSeat(member) && !state.getUnreachable().contains(member))
                .count()
            >= needed;
  }

  private boolean isSeat(Member member) {
    return member.dataCenter().equals(seatsDataCenter) && IN_CLUSTER.contains(member.status());
  }
}
