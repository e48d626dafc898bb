package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.CompleteCheckpoint;
import io.lockstep.protocol.model.Fence;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.RankTable;
import io.lockstep.protocol.model.Reason;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/**
 * One job's life so far.
 *
 * @param reason why it is in its phase
 * @param procsPerNode workers per node once resolved; 0 before the first placement
 * @param current the attempt under way; empty while queued
 * @param attempts every attempt, oldest first, at most {@link #MAX_ATTEMPTS}
 * @param ran true once an attempt ran: what is in the checkpoint folder then is its own
 * @param open groups that may still run, of any attempt
 * @param spares nodes kept for this job
 * @param countedAt when counted restarts happened, within the window
 * @param notBefore end of the backoff
 * @param ending what a stopping job becomes
 * @param held kept out of placement until a user releases it
 * @param waitsSince since when it could be placed and was not; empty while held or placed
 * @param leasedUntil while it stops with grace: until when its groups may renew their leases
 * @param saveWithin part of the grace in which a script that listens is asked to save first
 * @param startedWith script and configuration of the last attempt that was released
 * @param trained true once an attempt was seen to make a step, or to save a checkpoint
 */
public record Job(
    JobId id,
    JobSpec spec,
    JobPhase phase,
    Reason reason,
    Instant submittedAt,
    int procsPerNode,
    Optional<AttemptState> current,
    List<AttemptRecord> attempts,
    int attemptsMade,
    boolean ran,
    List<OpenGroup> open,
    List<NodeId> spares,
    List<Instant> countedAt,
    int counted,
    int uncounted,
    Optional<Instant> notBefore,
    Optional<Ending> ending,
    Duration grace,
    Optional<CompleteCheckpoint> lastCheckpoint,
    Optional<Instant> endedAt,
    Optional<Integer> exitCode,
    boolean held,
    Optional<Instant> waitsSince,
    Optional<StartedWith> startedWith,
    Optional<Instant> leasedUntil,
    Optional<Duration> saveWithin,
    boolean trained) {
  /** Attempts kept for people to read, the newest. */
  static final int MAX_ATTEMPTS = 50;

  /** Of these the traceback and the whole message are kept, the newest. */
  static final int MAX_WHOLE_ATTEMPTS = 3;

  /** Attempts kept of a job that has ended, the newest; whole is the last. */
  static final int MAX_ENDED_ATTEMPTS = 10;

  /**
   * Nodes in the rank tables kept of all attempts together, the newest first; the table of the
   * newest is kept in any case. Output of an attempt is found by its table.
   */
  static final int MAX_TABLE_ENTRIES = 64;

  /** Counted restarts remembered: a larger budget has no end. */
  public static final int MAX_COUNTED = 1_000;

  /** Longest message of the job's own reason, in bytes. */
  static final int MAX_REASON_BYTES = 2_048;

  public Job {
    attempts = List.copyOf(attempts);
    open = OpenGroups.of(open);
    spares = List.copyOf(spares);
    countedAt = List.copyOf(countedAt);
  }

  static Job queued(JobId id, JobSpec spec, Reason reason, Instant at) {
    return new Draft(id, spec, reason, at).build();
  }

  /** The rank table of the newest attempt. */
  public Optional<RankTable> table() {
    return lastAttempt().flatMap(AttemptRecord::table);
  }

  public Optional<AttemptRecord> lastAttempt() {
    return attempts.isEmpty() ? Optional.empty() : Optional.of(attempts.get(attempts.size() - 1));
  }

  /** Groups that may still run on this node, oldest plan first. */
  List<OpenGroup> openOn(NodeId node) {
    return OpenGroups.of(open).on(node);
  }

  Optional<OpenGroup> openOn(NodeId node, Fence fence) {
    return openOn(node).stream().filter(g -> g.fence().equals(fence)).findFirst();
  }

  boolean isCurrent(Fence fence) {
    return current.filter(a -> a.fence().equals(fence)).isPresent();
  }

  boolean isReleased(Fence fence) {
    return current.filter(a -> a.fence().equals(fence) && a.released()).isPresent();
  }

  /** Seats let this group's workers run: its attempt was released, and is not over (A15). */
  boolean permits(Lease lease) {
    boolean released =
        current
            .filter(a -> a.fence().equals(lease.fence()) && a.released())
            .filter(a -> a.table().contains(lease.node()))
            .isPresent();
    return released
        && switch (phase) {
          case STARTING, RUNNING -> true;
          case STOPPING -> leasedUntil.isPresent();
          case QUEUED, PREPARING, SUCCEEDED, FAILED, CANCELED -> false;
        };
  }

  /** An attempt that is not over, permitted or not yet. */
  boolean isUnderWay(Fence fence) {
    return isCurrent(fence)
        && switch (phase) {
          case PREPARING, STARTING, RUNNING -> true;
          case STOPPING -> leasedUntil.isPresent();
          case QUEUED, SUCCEEDED, FAILED, CANCELED -> false;
        };
  }

  /**
   * What this version of the state ended cannot be renewed from it on (A19); empty where that is
   * said already.
   */
  Optional<Job> revoking(long version) {
    Optional<Fence> underWay = current.map(AttemptState::fence).filter(this::isUnderWay);
    return OpenGroups.of(open)
        .revokedExcept(underWay, version)
        .map(revoked -> with(d -> d.open = revoked));
  }

  boolean isInBackoff(Instant now) {
    return notBefore.filter(t -> t.isAfter(now)).isPresent();
  }

  /** True when it is stopping for a reason that a cancel cannot change. */
  boolean endsByItself() {
    return ending.filter(e -> e == Ending.FAIL || e == Ending.SUCCEED).isPresent();
  }

  /** True once it made a step; an older release kept that with its attempts alone. */
  public boolean hasTrained() {
    return trained || showTraining(attempts);
  }

  private static boolean showTraining(List<AttemptRecord> attempts) {
    return attempts.stream()
        .anyMatch(
            a ->
                a.firstStepAt().isPresent()
                    || (a.fence().attempt().number() > 1 && a.resumedFromStep().isPresent()));
  }

  /** True while this job keeps others off the node. */
  boolean holds(NodeId node) {
    return !phase.isTerminal()
        && (spares.contains(node)
            || current.filter(a -> a.table().contains(node)).isPresent()
            || !openOn(node).isEmpty());
  }

  /** True while this job, out of its nodes for a moment, means to come back to this one. */
  boolean reserves(NodeId node, Instant now) {
    return phase == JobPhase.QUEUED
        && notBefore.filter(t -> t.isAfter(now)).isPresent()
        && table().filter(t -> t.contains(node)).isPresent();
  }

  /** True while a sign of life of this node bears on whose fault the failure was. */
  boolean awaits(NodeId node) {
    return current.filter(a -> a.awaits(node)).isPresent();
  }

  Job with(Consumer<Draft> change) {
    var draft = new Draft(this);
    change.accept(draft);
    return draft.build();
  }

  /** A job being changed by an event. */
  static final class Draft {
    final JobId id;
    final JobSpec spec;
    final Instant submittedAt;
    JobPhase phase = JobPhase.QUEUED;
    Reason reason;
    int procsPerNode;
    Optional<AttemptState> current = Optional.empty();
    List<AttemptRecord> attempts = new ArrayList<>();
    int attemptsMade;
    boolean ran;
    OpenGroups open = OpenGroups.of(List.of());
    List<NodeId> spares = List.of();
    List<Instant> countedAt = new ArrayList<>();
    int counted;
    int uncounted;
    Optional<Instant> notBefore = Optional.empty();
    Optional<Ending> ending = Optional.empty();
    Duration grace = Duration.ZERO;
    Optional<Duration> saveWithin = Optional.empty();
    Optional<CompleteCheckpoint> lastCheckpoint = Optional.empty();
    Optional<Instant> endedAt = Optional.empty();
    Optional<Integer> exitCode = Optional.empty();
    boolean held;
    Optional<Instant> waitsSince = Optional.empty();
    Optional<StartedWith> startedWith = Optional.empty();
    Optional<Instant> leasedUntil = Optional.empty();
    boolean trained;

    private Draft(JobId id, JobSpec spec, Reason reason, Instant at) {
      this.id = id;
      this.spec = spec;
      this.reason = reason;
      this.submittedAt = at;
      this.waitsSince = Optional.of(at);
    }

    private Draft(Job job) {
      this(job.id, job.spec, job.reason, job.submittedAt);
      phase = job.phase;
      procsPerNode = job.procsPerNode;
      current = job.current;
      attempts = new ArrayList<>(job.attempts);
      attemptsMade = job.attemptsMade;
      ran = job.ran;
      open = OpenGroups.of(job.open);
      spares = job.spares;
      countedAt = new ArrayList<>(job.countedAt);
      counted = job.counted;
      uncounted = job.uncounted;
      notBefore = job.notBefore;
      ending = job.ending;
      grace = job.grace;
      saveWithin = job.saveWithin;
      lastCheckpoint = job.lastCheckpoint;
      endedAt = job.endedAt;
      exitCode = job.exitCode;
      held = job.held;
      waitsSince = job.waitsSince;
      startedWith = job.startedWith;
      leasedUntil = job.leasedUntil;
      trained = job.trained;
    }

    void changeAttempt(Fence fence, UnaryOperator<AttemptRecord> change) {
      attempts.replaceAll(a -> a.fence().equals(fence) ? change.apply(a) : a);
    }

    void changeOpenOn(NodeId node, Function<OpenGroup, Optional<OpenGroup>> change) {
      open = open.changedOn(node, change);
    }

    void changeFaltered(UnaryOperator<Faltered> change) {
      current = current.map(a -> a.faltered().map(f -> a.withFaltered(change.apply(f))).orElse(a));
    }

    /** What the groups of a faltering attempt said, as what followed from its root. */
    Function<AttemptRecord.Cause, Optional<Aftermath>> saidBefore() {
      Optional<Faltered> faltered = current.flatMap(AttemptState::faltered);
      return root -> faltered.flatMap(f -> f.after(root));
    }

    /** Gives the budget back what this attempt's failure took from it; false if it took nothing. */
    boolean uncount(Fence fence) {
      return attempts.stream()
          .filter(a -> a.fence().equals(fence))
          .flatMap(a -> a.endedAt().stream())
          .anyMatch(countedAt::remove);
    }

    /** Keeps the newest attempts, and of those the newest whole. */
    void trimAttempts(int most, int whole) {
      while (attempts.size() > most) {
        attempts.remove(0);
      }
      for (int i = 0; i < attempts.size() - whole; i++) {
        attempts.set(i, attempts.get(i).faded());
      }
      int entries = 0;
      for (int i = attempts.size() - 1; i >= 0; i--) {
        entries += attempts.get(i).table().map(RankTable::nnodes).orElse(0);
        if (entries > MAX_TABLE_ENTRIES && i < attempts.size() - 1) {
          attempts.set(i, attempts.get(i).placeless());
        }
      }
    }

    private Job build() {
      trained = trained || showTraining(attempts);
      trimAttempts(MAX_ATTEMPTS, MAX_WHOLE_ATTEMPTS);
      while (countedAt.size() > MAX_COUNTED) {
        countedAt.remove(0);
      }
      return new Job(
          id,
          spec,
          phase,
          BoundedText.head(reason, MAX_REASON_BYTES),
          submittedAt,
          procsPerNode,
          current,
          attempts,
          attemptsMade,
          ran,
          open,
          spares,
          countedAt,
          counted,
          uncounted,
          notBefore,
          ending,
          grace,
          lastCheckpoint,
          endedAt,
          exitCode,
          held,
          waitsSince,
          startedWith,
          leasedUntil,
          saveWithin,
          trained);
    }
  }
}
