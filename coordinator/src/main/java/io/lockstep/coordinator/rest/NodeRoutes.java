package io.lockstep.coordinator.rest;

import akka.http.javadsl.model.HttpResponse;
import io.lockstep.coordinator.actor.Coordinator;
import io.lockstep.coordinator.actor.CoordinatorAnswer;
import io.lockstep.coordinator.actor.CoordinatorRequest;
import io.lockstep.protocol.model.NodeId;
import java.util.List;
import java.util.concurrent.CompletionStage;

/** Nodes over HTTP: list, drain, resume. */
final class NodeRoutes {
  private final Asking asking;
  private final Replies replies;

  NodeRoutes(Coordinator coordinator, Replies replies) {
    this.asking = new Asking(coordinator, replies);
    this.replies = replies;
  }

  List<Endpoint> endpoints() {
    return List.of(
        Endpoint.get("/v1/nodes", this::list),
        Endpoint.post("/v1/nodes/{node}/drain", this::drain),
        Endpoint.post("/v1/nodes/{node}/resume", this::resume));
  }

  private CompletionStage<HttpResponse> list(Call call) {
    return asking.read(
        CoordinatorAnswer.Nodes.class,
        CoordinatorRequest.ListNodes::new,
        CoordinatorAnswer.Nodes::nodes);
  }

  private CompletionStage<HttpResponse> drain(Call call) {
    NodeId node = call.node();
    return asking
        .ask(CoordinatorAnswer.Done.class, replyTo -> new CoordinatorRequest.Drain(node, replyTo))
        .thenApply(answer -> replies.ok(JobRoutes.message(answer.reason())));
  }

  private CompletionStage<HttpResponse> resume(Call call) {
    NodeId node = call.node();
    return asking
        .ask(CoordinatorAnswer.Done.class, replyTo -> new CoordinatorRequest.Resume(node, replyTo))
        .thenApply(answer -> replies.ok(JobRoutes.message(answer.reason())));
  }
}
