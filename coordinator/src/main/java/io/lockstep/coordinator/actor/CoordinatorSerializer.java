package io.lockstep.coordinator.actor;

import akka.actor.ExtendedActorSystem;
import io.lockstep.coordinator.seat.SeatNames;
import io.lockstep.protocol.message.WireNames;
import io.lockstep.protocol.message.WireSerializer;

/** Writes the messages between REST, coordinator and seats. */
public final class CoordinatorSerializer extends WireSerializer {
  private static final int IDENTIFIER = 77_330_002;

  public CoordinatorSerializer(ExtendedActorSystem system) {
    super(names(), IDENTIFIER);
  }

  static WireNames names() {
    return SeatNames.register(new WireNames())
        .with("req.submit", CoordinatorRequest.Submit.class)
        .with("req.dry-run", CoordinatorRequest.DryRun.class)
        .with("ans.would-start", CoordinatorAnswer.WouldStart.class)
        .with("req.release", CoordinatorRequest.Release.class)
        .with("req.cancel", CoordinatorRequest.Cancel.class)
        .with("req.drain", CoordinatorRequest.Drain.class)
        .with("req.resume", CoordinatorRequest.Resume.class)
        .with("req.list-jobs", CoordinatorRequest.ListJobs.class)
        .with("req.describe-job", CoordinatorRequest.DescribeJob.class)
        .with("req.list-nodes", CoordinatorRequest.ListNodes.class)
        .with("req.list-events", CoordinatorRequest.ListEvents.class)
        .with("req.describe-cluster", CoordinatorRequest.DescribeCluster.class)
        .with("req.locate-log", CoordinatorRequest.LocateLog.class)
        .with("req.locate-nodes", CoordinatorRequest.LocateNodes.class)
        .with("ans.node-places", CoordinatorAnswer.NodePlaces.class)
        .with("req.list-seats", CoordinatorRequest.ListSeats.class)
        .with("req.add-seat", CoordinatorRequest.AddSeat.class)
        .with("req.remove-seat", CoordinatorRequest.RemoveSeat.class)
        .with("req.replace-seat", CoordinatorRequest.ReplaceSeat.class)
        .with("ans.seats", CoordinatorAnswer.Seats.class)
        .with("ans.refused", CoordinatorAnswer.Refused.class)
        .with("ans.submitted", CoordinatorAnswer.Submitted.class)
        .with("ans.done", CoordinatorAnswer.Done.class)
        .with("ans.jobs", CoordinatorAnswer.Jobs.class)
        .with("ans.job", CoordinatorAnswer.Job.class)
        .with("ans.nodes", CoordinatorAnswer.Nodes.class)
        .with("ans.events", CoordinatorAnswer.Events.class)
        .with("ans.cluster", CoordinatorAnswer.Cluster.class)
        .with("ans.log-place", CoordinatorAnswer.LogPlace.class);
  }
}
