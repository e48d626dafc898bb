package io.lockstep.coordinator.actor;

import io.lockstep.coordinator.core.ClusterAction;
import io.lockstep.coordinator.jobfile.ShippedZero;
import io.lockstep.protocol.message.AgentCommand;
import io.lockstep.protocol.model.JobSpec;
import io.lockstep.protocol.model.LaunchSpec;
import io.lockstep.protocol.model.StandbyOrder;
import io.lockstep.protocol.model.Term;
import java.util.Optional;

/** Performs actions: tells agents. An agent that is not known yet is told again by a later tick. */
final class ActionRunner {
  private final AgentDirectory agents;
  private final Optional<String> founding;

  ActionRunner(AgentDirectory agents, Optional<String> founding) {
    this.agents = agents;
    this.founding = founding;
  }

  void run(ClusterAction action, Term term) {
    agents.agent(action.node()).ifPresent(agent -> agent.tell(command(action, term)));
  }

  private AgentCommand command(ClusterAction action, Term term) {
    if (action instanceof ClusterAction.Prepare prepare) {
      return new AgentCommand.Prepare(term, founding, withShippedZero(prepare.launch()));
    } else if (action instanceof ClusterAction.Start start) {
      return new AgentCommand.Start(
          term, founding, start.fence(), start.masterPort(), start.resume(), start.moveAside());
    } else if (action instanceof ClusterAction.Convert convert) {
      return new AgentCommand.Convert(term, founding, convert.fence(), convert.checkpoint());
    } else if (action instanceof ClusterAction.Stop stop) {
      return new AgentCommand.Stop(
          term,
          founding,
          stop.fence(),
          stop.grace(),
          stop.disk(),
          stop.reason(),
          stop.saveWithin());
    } else if (action instanceof ClusterAction.Acknowledge ack) {
      return new AgentCommand.Acknowledge(
          term, founding, ack.fence(), AgentCommand.ReportKind.valueOf(ack.report().name()));
    } else if (action instanceof ClusterAction.TakeStacks take) {
      return new AgentCommand.TakeStacks(term, founding, take.fence());
    } else if (action instanceof ClusterAction.StandBy standBy) {
      return new AgentCommand.StandBy(
          term,
          founding,
          standBy.order().map(ActionRunner::withShippedZero),
          standBy.reason().message());
    }
    throw new IllegalArgumentException("no command for " + action);
  }

  private static StandbyOrder withShippedZero(StandbyOrder order) {
    return new StandbyOrder(
        order.fence(),
        order.job(),
        order.procsPerNode(),
        order.zeroJson().or(() -> shippedZero(order.job())));
  }

  private static Optional<String> shippedZero(JobSpec job) {
    return job.zero().filter(z -> z.stage() > 0).map(z -> ShippedZero.json(z.stage()));
  }

  /** Of a job that an older release queued: it stored the stage alone. */
  private static LaunchSpec withShippedZero(LaunchSpec launch) {
    Optional<String> shipped = shippedZero(launch.job());
    if (launch.zeroJson().isPresent() || shipped.isEmpty()) {
      return launch;
    }
    return new LaunchSpec(
        launch.fence(),
        launch.node(),
        launch.nodeRank(),
        launch.rankTable(),
        launch.agentDisk(),
        launch.job(),
        shipped,
        launch.restartCause());
  }
}
