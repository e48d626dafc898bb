package io.lockstep.coordinator.actor;

import io.lockstep.coordinator.core.ClusterInput;
import io.lockstep.coordinator.core.ClusterState;
import io.lockstep.coordinator.core.DeepSpeedConfig;
import io.lockstep.coordinator.jobfile.JobFile;
import io.lockstep.coordinator.jobfile.ShippedZero;
import io.lockstep.coordinator.jobfile.ZeroJson;
import io.lockstep.coordinator.seat.SeatId;
import io.lockstep.protocol.api.ClusterView;
import io.lockstep.protocol.model.JobId;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.Reason;
import io.lockstep.protocol.model.ReasonCode;
import io.lockstep.protocol.model.ReasonedException;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** Turns a request into an input, or answers it from the state. */
final class Requests {
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
          new ClusterInput.Cancel(cancel.job(), cancel.grace(), cancel.checkpoint()),
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
      request.replyTo().tell(read(request));
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
      return new CoordinatorAnswer.Refused(
          new Reason(ReasonCode.CONFLICT, id + " is a job already; choose another id"));
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

  private CoordinatorAnswer read(CoordinatorRequest request) {
    if (request instanceof CoordinatorRequest.DryRun dryRun) {
      return dryRun(dryRun);
    }
    Optional<String> self = Optional.of(actor.settings().self());
    var reads = new Reads(state, agents, actor.membership(), self, actor.now());
    return request instanceof CoordinatorRequest.DescribeCluster
        ? cluster(self, reads.seats())
        : reads.answer(request);
  }

  private CoordinatorAnswer cluster(Optional<String> self, List<SeatId> seats) {
    return new CoordinatorAnswer.Cluster(
        new ClusterView(
            actor.settings().version(),
            self,
            actor.term(),
            state.version(),
            seats.stream().map(SeatId::address).toList(),
            state.nodes().size(),
            state.jobs().size()));
  }
}
