package io.lockstep.coordinator.rest;

import akka.actor.typed.ActorSystem;
import akka.http.javadsl.Http;
import akka.http.javadsl.ServerBinding;
import akka.http.javadsl.server.Route;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lockstep.coordinator.actor.Coordinator;
import io.lockstep.protocol.message.WireJson;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.stream.Stream;

/** Serves the public API on one address. */
public final class RestServer {
  private RestServer() {}

  /** Listens; fails when the address or port cannot be had. */
  public static CompletionStage<ServerBinding> bind(
      ActorSystem<?> system, String host, int port, Coordinator coordinator) {
    return Http.get(system).newServerAt(host, port).bind(routes(coordinator, WireJson.json()));
  }

  /** Every route, sealed: what it does not know is answered too. */
  public static Route routes(Coordinator coordinator, ObjectMapper json) {
    var replies = new Replies(json);
    return new RouteTable(json, replies).route(endpoints(coordinator, replies));
  }

  static List<Endpoint> endpoints(Coordinator coordinator, Replies replies) {
    return Stream.of(
            new JobRoutes(coordinator, replies).endpoints(),
            new EventRoutes(coordinator, replies).endpoints(),
            new NodeRoutes(coordinator, replies).endpoints(),
            new ClusterRoutes(coordinator, replies).endpoints())
        .flatMap(List::stream)
        .toList();
  }
}
