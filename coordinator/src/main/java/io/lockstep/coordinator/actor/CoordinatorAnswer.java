package io.lockstep.coordinator.actor;

import akka.actor.typed.ActorRef;
import io.lockstep.protocol.api.ClusterView;
import io.lockstep.protocol.api.DryRunView;
import io.lockstep.protocol.api.EventView;
import io.lockstep.protocol.api.JobView;
import io.lockstep.protocol.api.NodeView;
import io.lockstep.protocol.api.SeatsView;
import io.lockstep.protocol.message.ToAgent;
import io.lockstep.protocol.message.Wire;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.Reason;
import java.util.List;
import java.util.Optional;

/** The coordinator's answer to a {@link CoordinatorRequest}; sent after what it says is stored. */
public sealed interface CoordinatorAnswer extends Wire {
  /** Not done, and why. */
  record Refused(Reason reason) implements CoordinatorAnswer {}

  /** Queued now ({@code created}), or the same job already known. */
  record Submitted(JobId job, boolean created, Reason reason) implements CoordinatorAnswer {}

  /** Done, or already so. */
  record Done(Reason reason) implements CoordinatorAnswer {}

  record WouldStart(DryRunView view) implements CoordinatorAnswer {}

  record Jobs(List<JobView> jobs) implements CoordinatorAnswer {}

  record Job(JobView job) implements CoordinatorAnswer {}

  record Nodes(List<NodeView> nodes) implements CoordinatorAnswer {}

  record Events(List<EventView> events) implements CoordinatorAnswer {}

  record Seats(SeatsView seats) implements CoordinatorAnswer {}

  record Cluster(ClusterView cluster) implements CoordinatorAnswer {}

  /** Ask this agent for the output of this rank. */
  record LogPlace(ActorRef<ToAgent> agent, JobId job, int attempt, int rank, int nodeRank)
      implements CoordinatorAnswer {}

  /** Ask these agents. */
  record NodePlaces(List<NodePlace> places) implements CoordinatorAnswer {}

  /** A node, and its agent where that was heard of. */
  record NodePlace(NodeId node, String address, Optional<ActorRef<ToAgent>> agent) {}
}
