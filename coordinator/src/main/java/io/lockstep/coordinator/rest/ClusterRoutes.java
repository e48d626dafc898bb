package io.lockstep.coordinator.rest;

import akka.http.javadsl.model.HttpResponse;
import io.lockstep.coordinator.actor.Coordinator;
import io.lockstep.coordinator.actor.CoordinatorAnswer;
import io.lockstep.coordinator.actor.CoordinatorRequest;
import java.util.List;
import java.util.concurrent.CompletionStage;

/** The cluster over HTTP. */
final class ClusterRoutes {
  private final Asking asking;
  private final Replies replies;

  ClusterRoutes(Coordinator coordinator, Replies replies) {
    this.asking = new Asking(coordinator, replies);
    this.replies = replies;
  }

  List<Endpoint> endpoints() {
    return List.of(Endpoint.get("/v1/cluster", this::describe));
  }

  private CompletionStage<HttpResponse> describe(Call call) {
    return asking
        .ask(CoordinatorAnswer.Cluster.class, CoordinatorRequest.DescribeCluster::new)
        .thenApply(answer -> replies.ok(answer.cluster()));
  }
}
