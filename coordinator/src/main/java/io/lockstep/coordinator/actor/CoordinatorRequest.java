package io.lockstep.coordinator.actor;

import akka.actor.typed.ActorRef;
import io.lockstep.protocol.message.ToCoordinator;
import io.lockstep.protocol.message.Wire;
import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.NodeId;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * What the REST side asks of the coordinator. Each is answered once, with a {@link
 * CoordinatorAnswer}.
 */
public sealed interface CoordinatorRequest extends Wire, ToCoordinator {
  ActorRef<CoordinatorAnswer> replyTo();

  /** False for what only asks. Static, so that it is no field on the wire. */
  static boolean changesSomething(CoordinatorRequest request) {
    return request instanceof Submit
        || request instanceof Release
        || request instanceof Cancel
        || request instanceof Drain
        || request instanceof Resume
        || request instanceof AddSeat
        || request instanceof RemoveSeat
        || request instanceof ReplaceSeat;
  }

  /**
   * Queue a job. The same id with the same spec is the same job; with another spec it is refused.
   *
   * @param hold not placed before it is released
   */
  record Submit(Optional<JobId> id, JobSpec spec, boolean hold, ActorRef<CoordinatorAnswer> replyTo)
      implements CoordinatorRequest {}

  /** What this job would start, were it submitted now; changes nothing. */
  record DryRun(Optional<JobId> id, JobSpec spec, ActorRef<CoordinatorAnswer> replyTo)
      implements CoordinatorRequest {}

  /** Let a held job be placed; one that is not held stays as it is. */
  record Release(JobId job, ActorRef<CoordinatorAnswer> replyTo) implements CoordinatorRequest {}

  /** End a job; {@code grace} is the time between TERM and KILL. */
  /** End a job; with {@code checkpoint} a script that listens is asked to save first. */
  record Cancel(JobId job, Duration grace, ActorRef<CoordinatorAnswer> replyTo, boolean checkpoint)
      implements CoordinatorRequest {}

  /** Take a node out of placement; a gang on it is restarted elsewhere. */
  record Drain(NodeId node, ActorRef<CoordinatorAnswer> replyTo) implements CoordinatorRequest {}

  /** Put a drained node back. */
  record Resume(NodeId node, ActorRef<CoordinatorAnswer> replyTo) implements CoordinatorRequest {}

  record ListJobs(ActorRef<CoordinatorAnswer> replyTo) implements CoordinatorRequest {}

  record DescribeJob(JobId job, ActorRef<CoordinatorAnswer> replyTo)
      implements CoordinatorRequest {}

  record ListNodes(ActorRef<CoordinatorAnswer> replyTo) implements CoordinatorRequest {}

  /**
   * Events after a version, oldest first.
   *
   * @param job only this job's; empty means all
   * @param afterVersion 0 for all that are kept
   */
  record ListEvents(
      Optional<JobId> job, long afterVersion, int limit, ActorRef<CoordinatorAnswer> replyTo)
      implements CoordinatorRequest {}

  /** Who is a seat, and how each does. */
  record ListSeats(ActorRef<CoordinatorAnswer> replyTo) implements CoordinatorRequest {}

  /** Make this host a seat too. */
  record AddSeat(String host, ActorRef<CoordinatorAnswer> replyTo) implements CoordinatorRequest {}

  /** Make this seat an ordinary host. */
  record RemoveSeat(String host, ActorRef<CoordinatorAnswer> replyTo)
      implements CoordinatorRequest {}

  /** Put a host in the place of a seat, which may be gone for good. */
  record ReplaceSeat(String old, String by, ActorRef<CoordinatorAnswer> replyTo)
      implements CoordinatorRequest {}

  record DescribeCluster(ActorRef<CoordinatorAnswer> replyTo) implements CoordinatorRequest {}

  /**
   * Which agent has this output.
   *
   * @param attempt empty means the newest
   * @param rank empty means rank 0
   */
  record LocateLog(
      JobId job,
      Optional<Attempt> attempt,
      Optional<Integer> rank,
      ActorRef<CoordinatorAnswer> replyTo)
      implements CoordinatorRequest {}

  /**
   * Where the agents of these nodes are.
   *
   * @param nodes empty means all that are not lost
   */
  record LocateNodes(List<NodeId> nodes, ActorRef<CoordinatorAnswer> replyTo)
      implements CoordinatorRequest {
    public LocateNodes {
      nodes = List.copyOf(nodes);
    }
  }
}
