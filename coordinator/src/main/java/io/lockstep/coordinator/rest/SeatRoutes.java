package io.lockstep.coordinator.rest;

import akka.http.javadsl.model.HttpResponse;
import io.lockstep.coordinator.actor.Coordinator;
import io.lockstep.coordinator.actor.CoordinatorAnswer;
import io.lockstep.coordinator.actor.CoordinatorRequest;
import io.lockstep.protocol.api.Problem.Mistake;
import java.util.List;
import java.util.concurrent.CompletionStage;

/** Seats over HTTP: list, add, remove, replace. */
final class SeatRoutes {
  private final Asking asking;
  private final Replies replies;

  SeatRoutes(Coordinator coordinator, Replies replies) {
    this.asking = new Asking(coordinator, replies);
    this.replies = replies;
  }

  List<Endpoint> endpoints() {
    return List.of(
        Endpoint.get("/v1/seats", this::list),
        Endpoint.post("/v1/seats/{host}/add", this::add),
        Endpoint.post("/v1/seats/{host}/remove", this::remove),
        Endpoint.post("/v1/seats/{host}/replace", this::replace));
  }

  private CompletionStage<HttpResponse> list(Call call) {
    return asking
        .ask(CoordinatorAnswer.Seats.class, CoordinatorRequest.ListSeats::new)
        .thenApply(answer -> replies.ok(answer.seats()));
  }

  private CompletionStage<HttpResponse> add(Call call) {
    String host = host("host", call.variables().getOrDefault("host", ""));
    return done(
        asking.ask(CoordinatorAnswer.Done.class, to -> new CoordinatorRequest.AddSeat(host, to)));
  }

  private CompletionStage<HttpResponse> remove(Call call) {
    String host = host("host", call.variables().getOrDefault("host", ""));
    return done(
        asking.ask(
            CoordinatorAnswer.Done.class, to -> new CoordinatorRequest.RemoveSeat(host, to)));
  }

  private CompletionStage<HttpResponse> replace(Call call) {
    String old = host("host", call.variables().getOrDefault("host", ""));
    String by = host("by", call.query("by").orElse(""));
    return done(
        asking.ask(
            CoordinatorAnswer.Done.class, to -> new CoordinatorRequest.ReplaceSeat(old, by, to)));
  }

  private CompletionStage<HttpResponse> done(CompletionStage<CoordinatorAnswer.Done> answer) {
    return answer.thenApply(done -> replies.ok(JobRoutes.message(done.reason())));
  }

  private static String host(String name, String text) {
    if (text.isBlank() || text.length() > 255) {
      throw Refusal.invalid(
          "a seat is named by its host, or by its node",
          List.of(new Mistake(0, 0, name, "must have 1 to 255 characters, found: '" + text + "'")));
    }
    return text;
  }
}
