package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.NodeId;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Everything that the coordinator knows and a majority of seats has accepted: a fold of events.
 *
 * @param version the count of events
 * @param jobs in the order of their submission; of those that ended, the last {@link
 *     #MAX_ENDED_JOBS}
 * @param history the newest {@link #MAX_HISTORY} events as people read them
 */
public record ClusterState(
    long version, Map<NodeId, Node> nodes, Map<JobId, Job> jobs, List<HistoryEntry> history) {
  static final int MAX_ENDED_JOBS = 200;
  static final int MAX_HISTORY = 1_000;

  /** Hosts that one cluster takes: each is about 1 KB of state. */
  static final int MAX_NODES = 1_000;

  /** All that the jobs that are not over ask for, in bytes: specs cannot be shortened. */
  static final int MAX_LIVE_SPEC_BYTES = 1024 * 1024;

  public static final ClusterState EMPTY = new ClusterState(0, Map.of(), Map.of(), List.of());

  public ClusterState {
    nodes = FrozenSorted.of(nodes);
    jobs = Frozen.inOrder(jobs);
    history = List.copyOf(history);
  }

  public Optional<Job> job(JobId id) {
    return Optional.ofNullable(jobs.get(id));
  }

  public Optional<Node> node(NodeId id) {
    return Optional.ofNullable(nodes.get(id));
  }

  /** The job whose current attempt runs on this node. */
  public Optional<Job> jobOn(NodeId node) {
    return jobs.values().stream()
        .filter(j -> j.current().filter(a -> a.table().contains(node)).isPresent())
        .findFirst();
  }

  /** Each node, and why this job is not placed on it; empty unless it waits for nodes. */
  public List<NodeVerdict> verdicts(JobId id, Instant now) {
    return job(id)
        .filter(j -> j.phase() == JobPhase.QUEUED && !j.held() && !j.isInBackoff(now))
        .map(j -> WaitingLine.explain(this, j, now))
        .orElse(List.of());
  }

  /** Where the time of an attempt went; empty parts where the history has forgotten. */
  public Timeline timeline(Job job, Attempt attempt) {
    return Timeline.of(history, job, attempt, Optional.empty(), Optional.empty());
  }

  /** Where this job would go, were it queued now; changes nothing. */
  public Preview preview(JobId id, JobSpec spec, Instant now) {
    return WaitingLine.preview(this, id, spec, now);
  }

  /** True when no job waits for the end of this group: it was given up, or nobody knows it. */
  public boolean isStranger(NodeId node, Fence fence) {
    return jobs.values().stream().noneMatch(j -> j.openOn(node, fence).isPresent());
  }

  /** True while a sign of life of this node would change what is decided. */
  public boolean awaits(NodeId node) {
    return node(node).filter(Node::suspect).isPresent()
        || jobs.values().stream().anyMatch(j -> j.awaits(node));
  }

  /**
   * True when this step would be the first that is seen of an attempt, or is twice as far from
   * where the attempt began as the last that was noted: few events, and yet it is known how far it
   * came.
   */
  public boolean awaitsStep(Fence fence, long step) {
    return job(fence.job())
        .filter(j -> j.phase() == JobPhase.RUNNING && j.isCurrent(fence))
        .flatMap(Job::lastAttempt)
        .filter(a -> isNews(a, step - a.resumedFromStep().orElse(0L)))
        .isPresent();
  }

  private static boolean isNews(AttemptRecord attempt, long distance) {
    long noted = attempt.furthestStep().orElse(0L) - attempt.resumedFromStep().orElse(0L);
    return attempt.firstStepAt().isEmpty() ? distance > 0 : distance >= 2 * Math.max(1, noted);
  }

  /** What a seat that holds this state says of a lease (A15). */
  public LeaseStanding standing(Lease lease) {
    Optional<Job> known = job(lease.fence().job());
    if (known.isEmpty() || lease.fence().plan() > version) {
      return LeaseStanding.UNKNOWN;
    }
    if (known.get().permits(lease)) {
      return LeaseStanding.PERMITTED;
    }
    return known.get().isUnderWay(lease.fence())
            || lease.fence().attempt().number() > known.get().attemptsMade()
        ? LeaseStanding.UNKNOWN
        : LeaseStanding.ENDED;
  }

  /**
   * The group under this lease is proven gone and its attempt is not that of now: no rule asks any
   * more when it was last renewed.
   */
  public boolean isPast(Lease lease) {
    return job(lease.fence().job())
        .filter(job -> standing(lease) == LeaseStanding.ENDED && !job.isCurrent(lease.fence()))
        .filter(job -> job.openOn(lease.node(), lease.fence()).isEmpty())
        .isPresent();
  }

  /** Leases that may be held: of groups that were released and are not proven gone. */
  public Set<Lease> mayBeHeld() {
    return jobs.values().stream()
        .flatMap(
            job ->
                job.open().stream()
                    .filter(g -> !job.isCurrent(g.fence()) || job.isReleased(g.fence()))
                    .map(OpenGroup::lease))
        .collect(Collectors.toUnmodifiableSet());
  }

  /** This state after one more event. */
  public ClusterState evolve(ClusterEvent event) {
    ClusterState changed = event.applyTo(this);
    var told = new ArrayList<>(history);
    told.add(
        new HistoryEntry(
            version + 1,
            event.at(),
            event.getClass().getSimpleName(),
            event.job(),
            event.attempt(),
            event.node(),
            event.reason()));
    while (told.size() > MAX_HISTORY) {
      told.remove(0);
    }
    ClusterState revoked =
        event
            .job()
            .flatMap(changed::job)
            .flatMap(j -> j.revoking(version + 1))
            .map(changed::with)
            .orElse(changed);
    return new ClusterState(version + 1, revoked.nodes, revoked.jobs, told);
  }

  /**
   * This state after an event that cannot be read: its place is taken, and nothing is known of it.
   */
  public ClusterState skipping() {
    return new ClusterState(version + 1, nodes, jobs, history);
  }

  ClusterState without(Set<JobId> forgotten) {
    var changed = new LinkedHashMap<>(jobs);
    changed.keySet().removeAll(forgotten);
    return new ClusterState(version, nodes, changed, history);
  }

  /** What the jobs that are not over ask for, about as large as it is stored. */
  int liveSpecBytes() {
    return jobs.values().stream()
        .filter(j -> !j.phase().isTerminal())
        .mapToInt(j -> specBytes(j.spec()))
        .sum();
  }

  static int specBytes(JobSpec spec) {
    return BoundedText.bytes(spec.toString());
  }

  ClusterState with(Node node) {
    return new ClusterState(version, FrozenSorted.of(nodes).plus(node.id(), node), jobs, history);
  }

  ClusterState with(Job job) {
    var changed = new LinkedHashMap<>(jobs);
    changed.put(job.id(), job);
    List<Job> ended = changed.values().stream().filter(j -> j.phase().isTerminal()).toList();
    ended.stream()
        .sorted(Comparator.comparing(j -> j.endedAt().orElse(Instant.MAX)))
        .limit(Math.max(0, ended.size() - MAX_ENDED_JOBS))
        .forEach(j -> changed.remove(j.id()));
    return new ClusterState(version, nodes, changed, history);
  }
}
