package io.lockstep.coordinator.rest;

import akka.actor.typed.ActorSystem;
import akka.http.javadsl.Http;
import akka.http.javadsl.ServerBinding;
import akka.http.javadsl.model.HttpMethods;
import akka.http.javadsl.model.RequestEntityAcceptances;
import akka.http.javadsl.server.Route;
import akka.http.javadsl.settings.ServerSettings;
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
    HttpModel.load();
    return Http.get(system)
        .newServerAt(host, port)
        .withSettings(settings(system))
        .bind(routes(coordinator, WireJson.json()));
  }

  /**
   * Akka answers 501 to QUERY, which it does not know yet; like any method of HTTP it is 405 here.
   */
  private static ServerSettings settings(ActorSystem<?> system) {
    var settings = ServerSettings.create(system.settings().config());
    var query = HttpMethods.custom("QUERY", true, true, RequestEntityAcceptances.Expected, true);
    return settings.withParserSettings(settings.getParserSettings().withCustomMethods(query));
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
            new DoctorRoutes(coordinator, replies).endpoints(),
            new PairRoutes(coordinator, replies).endpoints(),
            new SeatRoutes(coordinator, replies).endpoints(),
            new ClusterRoutes(coordinator, replies).endpoints())
        .flatMap(List::stream)
        .toList();
  }
}
