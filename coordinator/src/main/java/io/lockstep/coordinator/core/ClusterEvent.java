package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.NodeInventory;
import io.lockstep.protocol.model.RankTable;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.StartLengths;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** What became true; stored by a majority of seats before anything is done about it. */
public sealed interface ClusterEvent {
  /** What a group gets beyond its grace until nobody renews its lease any more. */
  Duration KILL_TIME = Duration.ofSeconds(5);

  Instant at();

  Reason reason();

  ClusterState applyTo(ClusterState state);

  default Optional<JobId> job() {
    return Optional.empty();
  }

  default Optional<Attempt> attempt() {
    return Optional.empty();
  }

  default Optional<NodeId> node() {
    return Optional.empty();
  }

  /** An event about one job. */
  sealed interface OfJob extends ClusterEvent {
    JobId id();

    Job change(Job job);

    @Override
    default Optional<JobId> job() {
      return Optional.of(id());
    }

    @Override
    default ClusterState applyTo(ClusterState state) {
      return state.job(id()).map(job -> state.with(change(job))).orElse(state);
    }
  }

  /** An event about one attempt. */
  sealed interface OfAttempt extends OfJob {
    Fence fence();

    @Override
    default JobId id() {
      return fence().job();
    }

    @Override
    default Optional<Attempt> attempt() {
      return Optional.of(fence().attempt());
    }
  }

  /** An event about one node. */
  sealed interface OfNode extends ClusterEvent {
    NodeId id();

    @Override
    default Optional<NodeId> node() {
      return Optional.of(id());
    }
  }

  /** An event about an attempt's group on one node. */
  sealed interface OfGroup extends OfAttempt {
    NodeId on();

    @Override
    default Optional<NodeId> node() {
      return Optional.of(on());
    }
  }

  /** A node said Hello for the first time, with another memory, or after it was lost. */
  record NodeJoined(NodeId id, String disk, NodeInventory inventory, Instant at, Reason reason)
      implements OfNode {
    @Override
    public ClusterState applyTo(ClusterState state) {
      Node node =
          state
              .node(id)
              .map(n -> n.asReturned(disk, inventory, at, reason))
              .orElseGet(() -> Node.joined(id, disk, inventory, reason));
      return state.with(node);
    }
  }

  /** A node was not heard for too long. */
  record NodeLost(NodeId id, Instant at, Reason reason) implements OfNode {
    @Override
    public ClusterState applyTo(ClusterState state) {
      return state.node(id).map(n -> state.with(n.asLost(reason, at))).orElse(state);
    }
  }

  /** A node was not heard since its gang failed by the loss of a peer: not placed until it is. */
  record NodeSuspected(NodeId id, Instant at, Reason reason) implements OfNode {
    @Override
    public ClusterState applyTo(ClusterState state) {
      return state.node(id).map(n -> state.with(n.withSuspect(true, reason))).orElse(state);
    }
  }

  /** A node gave a sign of life that was waited for. */
  record NodeHeard(NodeId id, Instant at, Reason reason) implements OfNode {
    @Override
    public ClusterState applyTo(ClusterState state) {
      ClusterState changed =
          state
              .node(id)
              .filter(Node::suspect)
              .map(n -> state.with(n.withSuspect(false, reason)))
              .orElse(state);
      for (Job job : state.jobs().values()) {
        if (job.awaits(id)) {
          changed =
              changed.with(
                  job.with(
                      d -> {
                        d.changeFaltered(f -> f.withHeard(id));
                      }));
        }
      }
      return changed;
    }
  }

  /** An agent cannot take part in anything new, or can again; what runs there runs on. */
  record NodeTroubleChanged(NodeId id, Optional<Reason> trouble, Instant at, Reason reason)
      implements ClusterEvent {
    @Override
    public Optional<NodeId> node() {
      return Optional.of(id);
    }

    @Override
    public ClusterState applyTo(ClusterState state) {
      return state.node(id).map(n -> state.with(n.withTrouble(trouble, reason))).orElse(state);
    }
  }

  /** An operator took a node out of placement, or put it back. */
  record NodeDrainChanged(NodeId id, boolean draining, Instant at, Reason reason)
      implements OfNode {
    @Override
    public ClusterState applyTo(ClusterState state) {
      return state.node(id).map(n -> state.with(n.withDraining(draining, reason))).orElse(state);
    }
  }

  /**
   * A node was lost too often, is tried with others at the end of its quarantine, or is out of it.
   *
   * @param until empty: it is out; past while it is tried, so that an older release lets it out
   * @param trial with whom it is tried; empty while it is not
   * @param failingSince when it first failed such a trial
   */
  record NodeQuarantineChanged(
      NodeId id,
      Optional<Instant> until,
      Instant at,
      Reason reason,
      Optional<Node.Trial> trial,
      Optional<Instant> failingSince)
      implements OfNode {
    NodeQuarantineChanged(NodeId id, Optional<Instant> until, Instant at, Reason reason) {
      this(id, until, at, reason, Optional.empty(), Optional.empty());
    }

    @Override
    public ClusterState applyTo(ClusterState state) {
      return state
          .node(id)
          .map(
              n ->
                  state.with(
                      until
                          .map(end -> n.asQuarantined(end, trial, failingSince, reason))
                          .orElseGet(() -> n.outOfQuarantine(reason))))
          .orElse(state);
    }
  }

  record JobQueued(JobId id, JobSpec spec, Instant at, Reason reason) implements ClusterEvent {
    @Override
    public Optional<JobId> job() {
      return Optional.of(id);
    }

    @Override
    public ClusterState applyTo(ClusterState state) {
      return state.with(Job.queued(id, spec, reason, at));
    }
  }

  /** A queued job has another reason to wait. */
  record JobWaits(JobId id, Instant at, Reason reason) implements OfJob {
    @Override
    public Job change(Job job) {
      return job.with(
          d -> {
            d.reason = reason;
          });
    }
  }

  /** A job is kept out of placement, or may be placed from now on. */
  record JobHoldChanged(JobId id, boolean held, Instant at, Reason reason) implements OfJob {
    @Override
    public Job change(Job job) {
      return job.with(
          d -> {
            d.held = held;
            d.reason = reason;
            d.waitsSince = held ? Optional.empty() : Optional.of(at);
          });
    }
  }

  /**
   * A gang was placed; its fence takes this event's own version as plan number (A10).
   *
   * @param disks each node's agent disk id at this moment
   */
  record AttemptPlanned(
      Fence fence,
      RankTable table,
      Map<NodeId, String> disks,
      List<NodeId> spares,
      Instant at,
      Reason reason)
      implements OfAttempt {
    public AttemptPlanned {
      // sorted: Map.copyOf has another order in every JVM, and so would the stored bytes
      disks = Collections.unmodifiableMap(new TreeMap<>(disks));
      spares = List.copyOf(spares);
    }

    @Override
    public Job change(Job job) {
      return job.with(
          d -> {
            d.phase = JobPhase.PREPARING;
            d.reason = reason;
            d.procsPerNode = table.procsPerNode();
            d.current = Optional.of(AttemptState.planned(fence, table, at));
            d.attemptsMade = fence.attempt().number();
            d.attempts.add(AttemptRecord.planned(fence, table, at));
            d.open =
                d.open.plus(
                    table.nodes().stream()
                        .map(n -> OpenGroup.planned(n, fence, disks.getOrDefault(n, "")))
                        .toList());
            d.spares = spares;
            d.notBefore = Optional.empty();
            d.waitsSince = Optional.empty();
          });
    }
  }

  /** While an attempt is under way: a spare was lost, or a free node became one. */
  record SparesChanged(Fence fence, List<NodeId> spares, Instant at, Reason reason)
      implements OfAttempt {
    public SparesChanged {
      spares = List.copyOf(spares);
    }

    @Override
    public Job change(Job job) {
      return job.with(
          d -> {
            d.spares = spares;
          });
    }
  }

  /** A node is ready for the attempt: every older group on it is proven gone. */
  record NodePrepared(Fence fence, NodeId on, PreparedNode said, Instant at, Reason reason)
      implements OfGroup {
    @Override
    public Job change(Job job) {
      return job.with(
          d -> {
            d.current = d.current.map(a -> a.withPrepared(on, said));
            d.changeOpenOn(
                on,
                g ->
                    fence.supersedes(g.fence())
                        ? Optional.empty()
                        : Optional.of(g.fence().equals(fence) ? g.prepared(said.bootId()) : g));
          });
    }

    /** The proof holds for every job's group on that node, not only this job's. */
    @Override
    public ClusterState applyTo(ClusterState state) {
      ClusterState changed = OfGroup.super.applyTo(state);
      for (Job other : state.jobs().values()) {
        if (!other.id().equals(id())
            && other.openOn(on).stream().anyMatch(g -> fence.supersedes(g.fence()))) {
          changed =
              changed.with(
                  other.with(
                      d -> {
                        d.changeOpenOn(
                            on, g -> Optional.of(g).filter(o -> !fence.supersedes(o.fence())));
                      }));
        }
      }
      return changed;
    }
  }

  /** All are prepared, and the checkpoint to go on from has another number of ranks. */
  record ConversionOrdered(
      Fence fence, NodeId on, CompleteCheckpoint checkpoint, Instant at, Reason reason)
      implements OfGroup {
    @Override
    public Job change(Job job) {
      return job.with(
          d -> {
            d.reason = reason;
            d.current = d.current.map(a -> a.withConversion(new Conversion(on, checkpoint, at)));
          });
    }
  }

  /** All are prepared and every old group is over: Start goes out. */
  record AttemptReleased(
      Fence fence,
      int masterPort,
      Optional<CompleteCheckpoint> resume,
      boolean moveAside,
      Instant at,
      Reason reason)
      implements OfAttempt {
    @Override
    public Job change(Job job) {
      return job.with(
          d -> {
            d.phase = JobPhase.STARTING;
            d.reason = reason;
            d.startedWith = d.current.flatMap(StartedWith::of).or(() -> d.startedWith);
            d.current = d.current.map(a -> a.withRelease(masterPort, resume, moveAside, at));
            d.changeAttempt(fence, r -> r.released(resume.map(CompleteCheckpoint::step)));
            // What is newer than the one to go on from is moved aside.
            d.lastCheckpoint = resume;
          });
    }
  }

  /** A checkpoint newer than the one to go on from is not taken, and why. */
  record CheckpointPassedOver(Fence fence, NodeId on, Instant at, Reason reason)
      implements OfGroup {
    @Override
    public Job change(Job job) {
      return job;
    }
  }

  record NodeStarted(Fence fence, NodeId on, Instant at, Reason reason) implements OfGroup {
    @Override
    public Job change(Job job) {
      return job.with(
          d -> {
            d.current = d.current.map(a -> a.withStarted(on));
          });
    }
  }

  record AttemptRunning(Fence fence, Instant at, Reason reason) implements OfAttempt {
    @Override
    public Job change(Job job) {
      return job.with(
          d -> {
            d.phase = JobPhase.RUNNING;
            d.ran = true;
            d.reason = reason;
            d.changeAttempt(fence, r -> r.running(at));
          });
    }
  }

  /**
   * Training went beyond where the attempt began, what a restart costs ends here; later: the
   * distance has doubled.
   *
   * @param lengths how long the gang's start took, where that is known
   */
  record AttemptStepped(
      Fence fence, long step, Instant at, Reason reason, Optional<StartLengths> lengths)
      implements OfAttempt {
    public AttemptStepped {
      lengths = Objects.requireNonNullElse(lengths, Optional.empty()); // stored before
    }

    @Override
    public Job change(Job job) {
      return job.with(
          d -> {
            d.trained = true;
            d.changeAttempt(fence, r -> r.stepped(step, at).startedIn(lengths));
          });
    }
  }

  /**
   * A coordinator is new, or stood still, and goes on with an attempt: its deadlines begin anew.
   */
  record AttemptTakenOver(Fence fence, Instant at, Reason reason) implements OfAttempt {
    @Override
    public Job change(Job job) {
      return job.with(
          d -> {
            d.current = d.current.map(a -> a.withSince(at));
          });
    }
  }

  /** A group was ended by the loss of a peer; the others may know the cause, or be it. */
  record AttemptFaltered(
      Fence fence, AttemptRecord.Cause cause, Instant verdictBy, Instant at, Reason reason)
      implements OfAttempt {
    @Override
    public Optional<NodeId> node() {
      return cause.node();
    }

    @Override
    public Job change(Job job) {
      return job.with(
          d -> {
            d.reason = reason;
            Faltered first =
                new Faltered(
                    cause,
                    verdictBy,
                    cause.node().map(Set::of).orElse(Set.of()),
                    Set.of(),
                    Optional.empty());
            d.current =
                d.current.map(
                    a -> a.withFaltered(a.faltered().map(f -> f.until(verdictBy)).orElse(first)));
          });
    }
  }

  /** A gang stands still for longer than it should; its stacks are taken. */
  record AttemptSuspected(Fence fence, Suspicion suspicion, Instant at, Reason reason)
      implements OfAttempt {
    @Override
    public Optional<NodeId> node() {
      return suspicion.node();
    }

    @Override
    public Job change(Job job) {
      return job.with(
          d -> {
            d.current = d.current.map(a -> a.withSuspicion(Optional.of(suspicion)));
            if (suspicion.step() >= 0) {
              d.changeAttempt(fence, r -> r.noted(suspicion.step()));
            }
          });
    }
  }

  /** A rank is slower than the others; for people only. */
  record StragglerSeen(Fence fence, NodeId on, int rank, Instant at, Reason reason)
      implements OfGroup {
    @Override
    public Job change(Job job) {
      return job.with(
          d -> {
            d.current = d.current.map(a -> a.withSlow(rank));
          });
    }
  }

  /** A gang that was suspected to hang goes on. */
  record AttemptCleared(Fence fence, Instant at, Reason reason) implements OfAttempt {
    @Override
    public Job change(Job job) {
      return job.with(
          d -> {
            d.current = d.current.map(a -> a.withSuspicion(Optional.empty()));
          });
    }
  }

  /**
   * One more group of a faltering attempt said how it ended, and that it is not the cause.
   *
   * @param cause what it said; empty in what an older release stored
   */
  record NodeExited(
      Fence fence, NodeId on, Optional<AttemptRecord.Cause> cause, Instant at, Reason reason)
      implements OfGroup {
    @Override
    public Job change(Job job) {
      return job.with(
          d -> {
            d.changeFaltered(f -> f.withExited(on, cause));
          });
    }
  }

  /** A node's group exited 0; whether its processes are gone is another event. */
  record NodeFinished(Fence fence, NodeId on, Instant at, Reason reason) implements OfGroup {
    @Override
    public Job change(Job job) {
      return job.with(
          d -> {
            d.current = d.current.map(a -> a.withFinished(on));
          });
    }
  }

  /**
   * An attempt ended before its work was done; what follows is planned from here.
   *
   * @param counted taken from the restart budget
   * @param notBefore end of the backoff; empty without one
   */
  record AttemptFailed(
      Fence fence,
      AttemptRecord.Cause cause,
      boolean counted,
      Optional<Instant> notBefore,
      Instant at,
      Reason reason)
      implements OfAttempt {
    @Override
    public Optional<NodeId> node() {
      return cause.node();
    }

    @Override
    public Job change(Job job) {
      return job.with(
          d -> {
            var before = d.saidBefore();
            d.phase = JobPhase.QUEUED;
            d.reason = reason;
            d.current = Optional.empty();
            d.trained |=
                d.attempts.stream().anyMatch(a -> a.fence().equals(fence) && a.steppedBy(cause));
            d.changeAttempt(
                fence, r -> r.ended(at, Optional.of(cause)).followedBy(before.apply(cause)));
            d.notBefore = notBefore;
            d.waitsSince = notBefore.or(() -> Optional.of(at));
            if (counted) {
              d.counted++;
              d.countedAt.add(at);
              Instant oldest = at.minus(d.spec.restart().window());
              d.countedAt.removeIf(t -> t.isBefore(oldest));
            } else {
              d.uncounted++;
            }
          });
    }
  }

  /** A later report knows better why the attempt failed, and so whether it costs budget. */
  record CauseRefined(Fence fence, AttemptRecord.Cause cause, Instant at, Reason reason)
      implements OfAttempt {
    @Override
    public Optional<NodeId> node() {
      return cause.node();
    }

    @Override
    public Job change(Job job) {
      return job.with(
          d -> {
            if (!cause.code().isCounted() && d.uncount(fence)) {
              d.counted--;
              d.uncounted++;
            }
            d.changeAttempt(
                fence,
                r ->
                    r.ended(at, Optional.of(cause))
                        .followedBy(
                            r.cause().flatMap(old -> Faltered.plus(r.aftermath(), old, cause))));
          });
    }
  }

  /** One more node's group had failed in an attempt whose root is known. */
  record FailureFollowed(
      Fence fence, NodeId on, AttemptRecord.Cause cause, Instant at, Reason reason)
      implements OfGroup {
    @Override
    public Job change(Job job) {
      return job.with(
          d ->
              d.changeAttempt(
                  fence,
                  r ->
                      r.cause()
                          .map(root -> r.followedBy(Faltered.plus(r.aftermath(), cause, root)))
                          .orElse(r)));
    }
  }

  /** A group was seen to be gone, or counts as gone after the wait. */
  record GroupGone(Fence fence, NodeId on, Instant at, Reason reason) implements OfGroup {
    @Override
    public Job change(Job job) {
      return job.with(
          d -> {
            d.changeOpenOn(on, g -> Optional.of(g).filter(open -> !open.fence().equals(fence)));
          });
    }
  }

  /** The grace of a stopping job is over: its groups' leases are not renewed any more (A19). */
  record LeaseRevoked(JobId id, Instant at, Reason reason) implements OfJob {
    @Override
    public Job change(Job job) {
      return job.with(
          d -> {
            d.leasedUntil = Optional.empty();
          });
    }
  }

  /** Rank 0's node saw a newer complete checkpoint. */
  record CheckpointSeen(JobId id, CompleteCheckpoint checkpoint, Instant at, Reason reason)
      implements OfJob {
    @Override
    public Job change(Job job) {
      return job.with(
          d -> {
            d.lastCheckpoint = Optional.of(checkpoint);
            d.trained = true;
          });
    }
  }

  /** The job's groups are told to end; the ending says what it becomes then. */
  record JobStopping(
      JobId id,
      Ending ending,
      Duration grace,
      Optional<AttemptRecord.Cause> cause,
      Optional<Integer> exitCode,
      Instant at,
      Reason reason,
      Optional<Duration> saveWithin)
      implements OfJob {
    @Override
    public Job change(Job job) {
      return job.with(
          d -> {
            d.phase = JobPhase.STOPPING;
            d.reason = reason;
            d.ending = Optional.of(ending);
            d.grace = grace;
            d.saveWithin = saveWithin;
            d.leasedUntil =
                grace.isZero() ? Optional.empty() : Optional.of(at.plus(grace).plus(KILL_TIME));
            d.exitCode = exitCode;
            d.current.ifPresent(
                a ->
                    d.changeAttempt(
                        a.fence(),
                        r ->
                            r.endedAt().isPresent()
                                ? r
                                : r.ended(at, cause).followedBy(cause.flatMap(d.saidBefore()))));
          });
    }
  }

  /** A stopping job's groups are gone and it is planned anew. */
  record JobRequeued(JobId id, Instant at, Reason reason) implements OfJob {
    @Override
    public Job change(Job job) {
      return job.with(
          d -> {
            d.phase = JobPhase.QUEUED;
            d.reason = reason;
            d.current = Optional.empty();
            d.ending = Optional.empty();
            d.exitCode = Optional.empty();
            d.waitsSince = Optional.of(at);
            d.uncounted++;
          });
    }
  }

  /** The job is final and its nodes are free. */
  record JobEnded(JobId id, JobPhase phase, int exitCode, Instant at, Reason reason)
      implements OfJob {
    @Override
    public Job change(Job job) {
      return job.with(
          d -> {
            d.phase = phase;
            d.reason = reason;
            d.current.ifPresent(
                a ->
                    d.changeAttempt(
                        a.fence(), r -> r.endedAt().isPresent() ? r : r.ended(at, r.cause())));
            d.current = Optional.empty();
            d.spares = List.of();
            d.countedAt.clear();
            d.trimAttempts(Job.MAX_ENDED_ATTEMPTS, 1);
            d.ending = Optional.empty();
            d.endedAt = Optional.of(at);
            d.exitCode = Optional.of(exitCode);
          });
    }
  }

  /**
   * The state has grown too large for the seats: ended jobs are forgotten, and of the others the
   * attempts before the newest few.
   */
  record PastForgotten(List<JobId> ended, int attemptsKept, Instant at, Reason reason)
      implements ClusterEvent {
    public PastForgotten {
      ended = List.copyOf(ended);
    }

    @Override
    public ClusterState applyTo(ClusterState state) {
      ClusterState changed = state.without(Set.copyOf(ended));
      for (Job job : changed.jobs().values()) {
        if (!job.phase().isTerminal() && job.attempts().size() > attemptsKept) {
          changed = changed.with(job.with(d -> d.trimAttempts(attemptsKept, attemptsKept)));
        }
      }
      return changed;
    }
  }
}
