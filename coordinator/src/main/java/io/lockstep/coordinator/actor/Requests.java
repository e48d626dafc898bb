package io.lockstep.coordinator.actor;

import io.lockstep.coordinator.core.ClusterInput;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.coordinator.core.DeepSpeedConfig;
import io.lockstep.coordinator.core.Job;
import io.lockstep.coordinator.jobfile.JobFile;
import io.lockstep.coordinator.jobfile.ShippedZero;
import io.lockstep.coordinator.jobfile.ZeroJson;
import io.lockstep.coordinator.seat.Membership;
import io.lockstep.coordinator.seat.SeatId;
import io.lockstep.protocol.api.ClusterView;
import io.lockstep.protocol.model.Attempt;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.RankTable;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import io.lockstep.protocol.model.ReasonedException;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;

/** Turns a request into an input, or answers it from the state. */
final class Requests {
  private static final int MAX_EVENTS = 1_000;

  private final CoordinatorActor actor;
  private final ClusterState state;
  private final AgentDirectory agents;

  Requests(CoordinatorActor actor, ClusterState state, AgentDirectory agents) {
    this.actor = actor;
    this.state = state;
    this.agents = agents;
  }

  void handle(CoordinatorRequest request) {
    if (request instanceof CoordinatorRequest.Submit submit) {
      submit(submit);
    } else if (request instanceof CoordinatorRequest.Cancel cancel) {
      actor.ask(
          new ClusterInput.Cancel(cancel.job(), cancel.grace()),
          cancel.replyTo(),
          d -> new CoordinatorAnswer.Done(d.reason()));
    } else if (request instanceof CoordinatorRequest.Release release) {
      actor.ask(
          new ClusterInput.ReleaseHold(release.job()),
          release.replyTo(),
          d -> new CoordinatorAnswer.Done(d.reason()));
    } else if (request instanceof CoordinatorRequest.Drain drain) {
      actor.ask(
          new ClusterInput.Drain(drain.node()),
          drain.replyTo(),
          d -> new CoordinatorAnswer.Done(d.reason()));
    } else if (request instanceof CoordinatorRequest.Resume resume) {
      actor.ask(
          new ClusterInput.Resume(resume.node()),
          resume.replyTo(),
          d -> new CoordinatorAnswer.Done(d.reason()));
    } else {
      request.replyTo().tell(answer(request));
    }
  }

  private void submit(CoordinatorRequest.Submit submit) {
    JobSpec spec = withShippedZero(submit.spec());
    Optional<Reason> wrong = zeroMistake(spec);
    if (wrong.isPresent()) {
      submit.replyTo().tell(new CoordinatorAnswer.Refused(wrong.get()));
      return;
    }
    JobId id = idOf(submit.id(), spec);
    boolean created = state.job(id).isEmpty();
    actor.ask(
        new ClusterInput.Submit(id, spec, submit.hold()),
        submit.replyTo(),
        d -> new CoordinatorAnswer.Submitted(id, created, d.reason()));
  }

  private static JobId idOf(Optional<JobId> asked, JobSpec spec) {
    return asked.orElseGet(
        () -> new JobId(JobFile.idFor(spec.name(), UUID.randomUUID().toString().replace("-", ""))));
  }

  private CoordinatorAnswer dryRun(CoordinatorRequest.DryRun dryRun) {
    JobSpec spec = withShippedZero(dryRun.spec());
    Optional<Reason> wrong = zeroMistake(spec);
    if (wrong.isPresent()) {
      return new CoordinatorAnswer.Refused(wrong.get());
    }
    JobId id = idOf(dryRun.id(), spec);
    if (state.job(id).isPresent()) {
      return refused(ReasonCode.CONFLICT, id + " is a job already; choose another id");
    }
    return new CoordinatorAnswer.WouldStart(
        LaunchPreview.of(id, spec, state.preview(id, spec, actor.now())));
  }

  /** A stage alone means the file of this release; the job keeps it, whatever a later one ships. */
  static JobSpec withShippedZero(JobSpec spec) {
    return spec.zero()
        .filter(zero -> zero.stage() > 0 && zero.json().isEmpty())
        .map(
            zero ->
                spec.withZero(
                    new JobSpec.Zero(
                        zero.stage(),
                        Optional.of(ShippedZero.json(zero.stage())),
                        zero.argument())))
        .orElse(spec);
  }

  private static Optional<Reason> zeroMistake(JobSpec spec) {
    Optional<String> json = spec.zero().flatMap(JobSpec.Zero::json);
    if (json.isEmpty()) {
      return Optional.empty();
    }
    List<String> found = zeroProblems(json.get(), spec.procsPerNode() * spec.nodes());
    return found.isEmpty()
        ? Optional.empty()
        : Optional.of(Reason.of(ReasonCode.ZERO_CONFIG_INVALID, "%s", String.join("; ", found)));
  }

  /**
   * Why this configuration cannot run.
   *
   * @param worldSize 0 when it is not known yet: then products are not checked
   */
  static List<String> zeroProblems(String json, int worldSize) {
    try {
      return DeepSpeedConfig.checks(ZeroJson.read(json), worldSize);
    } catch (ReasonedException e) {
      return List.of(e.reason().message());
    }
  }

  private CoordinatorAnswer answer(CoordinatorRequest request) {
    var views = new Views(state, agents);
    if (request instanceof CoordinatorRequest.DryRun dryRun) {
      return dryRun(dryRun);
    } else if (request instanceof CoordinatorRequest.ListJobs) {
      return new CoordinatorAnswer.Jobs(state.jobs().values().stream().map(views::job).toList());
    } else if (request instanceof CoordinatorRequest.DescribeJob describe) {
      return state
          .job(describe.job())
          .<CoordinatorAnswer>map(j -> new CoordinatorAnswer.Job(views.whole(j, actor.now())))
          .orElseGet(() -> unknown(describe.job()));
    } else if (request instanceof CoordinatorRequest.ListNodes) {
      return new CoordinatorAnswer.Nodes(
          state.nodes().values().stream()
              .map(n -> views.node(n, seatHosts(), actor.settings().self()))
              .toList());
    } else if (request instanceof CoordinatorRequest.ListEvents list) {
      return events(list);
    } else if (request instanceof CoordinatorRequest.LocateLog locate) {
      return locate(locate);
    }
    return new CoordinatorAnswer.Cluster(
        new ClusterView(
            actor.settings().version(),
            Optional.of(actor.settings().self()),
            actor.term(),
            state.version(),
            seats().stream().map(SeatId::address).toList(),
            state.nodes().size(),
            state.jobs().size()));
  }

  private Set<String> seatHosts() {
    return seats().stream().map(SeatRequests::hostOf).collect(Collectors.toSet());
  }

  /** Those of the state; settings only say where to look (A1). */
  private List<SeatId> seats() {
    return actor
        .membership()
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
