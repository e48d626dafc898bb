package io.lockstep.coordinator.actor;

import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.coordinator.core.Job;
import io.lockstep.coordinator.seat.Membership;
import io.lockstep.coordinator.seat.SeatId;
import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.RankTable;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Answers from one state what changes nothing.
 *
 * @param coordinator the node that coordinates; empty when the state is only the last known one
 */
record Reads(
    ClusterState state,
    AgentDirectory agents,
    Optional<Membership> membership,
    Optional<String> coordinator,
    Instant now) {
  private static final int MAX_EVENTS = 1_000;

  /** Answers a request that changes nothing. */
  CoordinatorAnswer answer(CoordinatorRequest request) {
    var views = new Views(state, agents);
    if (request instanceof CoordinatorRequest.ListJobs) {
      return new CoordinatorAnswer.Jobs(state.jobs().values().stream().map(views::job).toList());
    } else if (request instanceof CoordinatorRequest.DescribeJob describe) {
      return state
          .job(describe.job())
          .<CoordinatorAnswer>map(j -> new CoordinatorAnswer.Job(views.whole(j, now)))
          .orElseGet(() -> unknown(describe.job()));
    } else if (request instanceof CoordinatorRequest.ListNodes) {
      return new CoordinatorAnswer.Nodes(
          state.nodes().values().stream()
              .map(n -> views.node(n, seatHosts(), coordinator.orElse("")))
              .toList());
    } else if (request instanceof CoordinatorRequest.ListEvents list) {
      return events(list);
    } else if (request instanceof CoordinatorRequest.LocateLog locate) {
      return locate(locate);
    } else if (request instanceof CoordinatorRequest.LocateNodes locate) {
      return places(locate.nodes());
    }
    throw new IllegalArgumentException("nothing to read in " + request);
  }

  private Set<String> seatHosts() {
    return seats().stream().map(SeatRequests::hostOf).collect(Collectors.toSet());
  }

  /** Those of the state; settings only say where to look (A1). */
  List<SeatId> seats() {
    return membership
        .map(m -> m.members().stream().map(Membership.Member::seat).toList())
        .orElse(List.of());
  }

  private CoordinatorAnswer events(CoordinatorRequest.ListEvents list) {
    if (list.job().isPresent() && state.job(list.job().get()).isEmpty()) {
      return unknown(list.job().get());
    }
    return new CoordinatorAnswer.Events(
        state.history().stream()
            .filter(e -> e.version() > list.afterVersion())
            .filter(e -> list.job().isEmpty() || e.job().equals(list.job()))
            .limit(Math.min(list.limit(), MAX_EVENTS))
            .map(Views::event)
            .toList());
  }

  private CoordinatorAnswer places(List<NodeId> wanted) {
    Optional<NodeId> unknown = wanted.stream().filter(n -> state.node(n).isEmpty()).findFirst();
    if (unknown.isPresent()) {
      return refused(
          ReasonCode.UNKNOWN_NODE,
          "there is no node " + unknown.get() + "; lockstep nodes shows those there are");
    }
    return new CoordinatorAnswer.NodePlaces(
        state.nodes().values().stream()
            .filter(n -> wanted.isEmpty() ? !n.lost() : wanted.contains(n.id()))
            .map(agents::place)
            .toList());
  }

  private CoordinatorAnswer locate(CoordinatorRequest.LocateLog locate) {
    Optional<Job> job = state.job(locate.job());
    if (job.isEmpty()) {
      return unknown(locate.job());
    }
    Optional<RankTable> table =
        locate
            .attempt()
            .map(
                n ->
                    job.get().attempts().stream()
                        .filter(a -> a.fence().attempt().equals(n))
                        .findFirst()
                        .flatMap(a -> a.table()))
            .orElseGet(() -> job.get().table());
    if (table.isEmpty()) {
      return refused(
          ReasonCode.NOT_PLACED,
          locate
              .attempt()
              .map(a -> "where attempt " + a + " ran is not known (any more)")
              .orElse("it was not placed yet"));
    }
    int rank = locate.rank().orElse(0);
    if (rank < 0 || rank >= table.get().worldSize()) {
      return refused(ReasonCode.CONFLICT, "rank must be 0 to " + (table.get().worldSize() - 1));
    }
    int nodeRank = rank / table.get().procsPerNode();
    RankTable.Entry entry = table.get().entries().get(nodeRank);
    int attempt = locate.attempt().map(Attempt::number).orElse(job.get().attemptsMade());
    return agents
        .agent(entry.node())
        .<CoordinatorAnswer>map(
            a -> new CoordinatorAnswer.LogPlace(a, locate.job(), attempt, rank, nodeRank))
        .orElseGet(
            () ->
                refused(
                    ReasonCode.UNKNOWN_NODE,
                    "the output of rank "
                        + rank
                        + " is on "
                        + entry.node()
                        + ", which is not heard of; it can be read when the node is back"));
  }

  private static CoordinatorAnswer unknown(JobId job) {
    return refused(
        ReasonCode.UNKNOWN_JOB, "there is no job " + job + "; lockstep list shows those there are");
  }

  private static CoordinatorAnswer refused(ReasonCode code, String message) {
    return new CoordinatorAnswer.Refused(new Reason(code, message));
  }
}
